"""The settings in which runs differ, and the versions of their code, as texts for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tui_trainer.runs.comparing.code_version import CodeVersion
from tui_trainer.runs.comparing.flat_config import differing_keys
from tui_trainer.text import exact, visible

TEXT_KEYS = frozenset(("title", "summary", "group", "narration", "lesson"))
"""First parts of keys that hold texts for people and change nothing of the training."""
MISSING = "-"
"""Stands for a setting that a run does not have."""
MAX_FILES = 6
"""Most changed files that a line lists."""


def shown_setting(value: Any) -> str:
    """Return a value of a configuration as text: numbers with all their digits, `-` for a missing one."""
    match value:
        case None:
            return MISSING
        case bool():
            return str(value).lower()
        case float():
            return exact(value) if abs(value) < float("inf") else str(value)
        case list() | tuple():
            return visible(", ".join(_item(one) for one in value)) or MISSING
        case dict():
            return visible(_item(value))
        case _:
            return visible(str(value)) or MISSING


def _item(value: Any) -> str:
    """Return an entry of a list: a table by its kind."""
    return str(value.get("kind", "table")) if isinstance(value, dict) else shown_setting(value)


def settings_that_differ(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the settings in which flat configurations differ, without texts for people: a value for each run."""
    known = [config for config in configs if config]
    keys = [key for key in differing_keys(known) if key.partition(".")[0] not in TEXT_KEYS] if len(known) > 1 else []
    shown = {key: [shown_setting(config.get(key)) for config in configs] for key in keys}
    return {key: values for key, values in shown.items() if len(set(values)) > 1}


def code_lines(names: Sequence[str], codes: Sequence[CodeVersion | None]) -> list[tuple[str, str]]:
    """Return the runs with each version of the code, and that version with its changed files; empty without any."""
    runs: dict[CodeVersion, list[str]] = {}
    for name, code in zip(names, codes, strict=True):
        if code is not None:
            runs.setdefault(code, []).append(name)
    everywhere = len(runs) == 1 and len(next(iter(runs.values()))) == len(names)
    return [("all runs" if everywhere else ", ".join(of), code.words + _files(code)) for code, of in runs.items()]


def _files(code: CodeVersion) -> str:
    if not code.changed:
        return ""
    more = max(code.changed_count - MAX_FILES, 0)
    named = ", ".join(map(visible, code.changed[:MAX_FILES]))
    return f": {named}{f' and {more} more' if more else ''}"
