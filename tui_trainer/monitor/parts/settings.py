"""The configuration of a script as plain values, and the text of its run.toml."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from tui_trainer.text import visible

MAX_VALUE = 500
"""Characters of a setting that is kept as text."""
MAX_ITEMS = 200
"""Entries of one table or list that are kept."""
MAX_DEPTH = 6
KIND = "script"
"""The `kind` of the run.toml of a run that a script made."""


def plain(value: Any, depth: int = 0) -> Any:
    """Return a configuration as tables, lists, texts and numbers; what is none of these as its text, None left out."""
    if isinstance(value, (bool, int, float)) and not hasattr(value, "item"):
        return value if not isinstance(value, int) or abs(value) < 1 << 63 else str(value)
    if isinstance(value, str):
        return visible(value[:MAX_VALUE])
    table = _table(value)
    if table is not None and depth < MAX_DEPTH:
        kept = list(table.items())[:MAX_ITEMS]
        return {_key(key): plain(each, depth + 1) for key, each in kept if each is not None}
    if isinstance(value, (list, tuple)) and depth < MAX_DEPTH:
        return [plain(each, depth + 1) for each in value[:MAX_ITEMS] if each is not None]
    return visible(str(value)[:MAX_VALUE])


def _key(key: Any) -> str:
    return visible(str(key)[:MAX_VALUE]) or "_"


def _table(value: Any) -> Mapping[Any, Any] | None:
    """Return the entries of a mapping, a dataclass, a pydantic model or a namespace; None for anything else."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        dumped = dump()
        return dumped if isinstance(dumped, Mapping) else None
    if type(value).__name__ in ("Namespace", "SimpleNamespace"):
        return vars(value)
    return None


def script_command() -> list[str]:
    """Return the command that starts this script again, from its working directory."""
    original = list(getattr(sys, "orig_argv", [])) or [sys.executable, *sys.argv]
    return [sys.executable or original[0], *original[1:]]


def document(title: str, config: Any) -> dict[str, Any]:
    """Return what run.toml holds for a script: how it was started, and its configuration."""
    try:
        directory = str(Path.cwd())
    except OSError:
        directory = ""
    settings = plain(config) if config is not None else {}
    return {
        "kind": KIND,
        "title": title,
        "script": {"command": script_command(), "directory": directory},
        "config": settings if isinstance(settings, dict) else {"value": settings},
    }


def as_toml(content: dict[str, Any]) -> str:
    """Return the text of run.toml."""
    return tomli_w.dumps(content)


def watched_by_default() -> bool:
    """Return whether this process may have a monitor: not a worker of another, and not switched off."""
    if os.environ.get("TUI_TRAINER", "").strip().lower() in ("off", "0", "false", "no"):
        return False
    multiprocessing = sys.modules.get("multiprocessing.process")
    if multiprocessing is None:
        return True
    # A spawned process imports the script before it knows its parent.
    begins = getattr(multiprocessing.current_process(), "_inheriting", False)
    return not begins and multiprocessing.parent_process() is None
