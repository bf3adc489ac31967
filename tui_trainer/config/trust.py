"""Code by import path: it runs only for a run that its user trusts, and the refusal names what would be imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder

from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError


def imports(config: RunConfig) -> list[str]:
    """What building the run would import and call, as `key = module:function (file)`; empty for most runs."""
    found: list[str] = []
    for key, component in (("data.path", config.data), ("model.path", config.model)):
        if component.kind == "import":
            path = str(getattr(component, "path", ""))
            found.append(f"{key} = {path!r}{_where(path)}")
    return found


def _where(path: str) -> str:
    """The file that would be run first, found without running anything: only the top package is looked for."""
    top = path.partition(":")[0].partition(".")[0]
    try:
        spec = PathFinder.find_spec(top, [os.getcwd(), *sys.path]) if top else None
    except (ImportError, OSError, ValueError):
        return ""
    return f" ({spec.origin})" if spec is not None and spec.origin else ""


def check_trust(configs: Iterable[RunConfig], source: str, trust: bool) -> None:
    """Raise `UserError`, naming every import, where a run would execute code and nobody said that it may."""
    wanted = dict.fromkeys(name for config in configs for name in imports(config))
    if wanted and not trust:
        raise UserError(f"{source} would import and run code: {', '.join(wanted)}; --trust allows it")
