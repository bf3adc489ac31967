"""Refuse configurations that import user code, unless the user allows it with --trust."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.script import AnyPlanScheduler
from tui_trainer.config.run_config import FAMILIES, RunConfig
from tui_trainer.errors import UserError


def imports(config: RunConfig) -> list[str]:
    """Return what building the run would import and call, as `key = module:function (file)`; empty for most runs."""
    found: list[str] = []
    parts = [(f"{family}.path", getattr(config, family)) for family in FAMILIES]
    parts += [(f"validation_sets.{name}.data.path", one.data) for name, one in (config.validation_sets or {}).items()]
    parts += [(f"metrics.{name}.path", one) for name, one in (config.metrics or {}).items()]
    for key, component in parts:
        if component.runs_code:
            path = str(getattr(component, "path", ""))
            found.append(f"{key} = {path!r}{_where(path)}")
    return found


def _where(path: str) -> str:
    """Return the file of the top package as ` (file)`, or an empty string. Imports nothing."""
    top = path.partition(":")[0].partition(".")[0]
    try:
        spec = PathFinder.find_spec(top, [os.getcwd(), *sys.path]) if top else None
    except (ImportError, OSError, ValueError):
        return ""
    return f" ({spec.origin})" if spec is not None and spec.origin else ""


def check_scheduler(scheduler: AnyPlanScheduler, config: RunConfig) -> None:
    """Raise `UserError` if a command brings an import path that was not part of the trusted configuration."""
    path = getattr(scheduler, "path", "") if scheduler.kind == "import" else ""
    if path and path != getattr(config.scheduler, "path", ""):
        raise UserError(
            f"scheduler.path = {path!r} was not trusted when the run started; "
            "start a run with this scheduler and --trust"
        )


def check_optimizer(optimizer: AnyOptimizer, config: RunConfig) -> None:
    """Raise `UserError` if a command or a checkpoint brings an optimizer that the configuration does not name."""
    path = getattr(optimizer, "path", "") if optimizer.runs_code else ""
    if path and path != getattr(config.optimizer, "path", ""):
        raise UserError(
            f"optimizer.path = {path!r} was not trusted when the run started; "
            "start a run with this optimizer and --trust"
        )


def check_trust(configs: Iterable[RunConfig], source: str, trust: bool) -> None:
    """Check that the runs of `source` import no user code, unless `trust` allows it.

    Raises:
        UserError: a run would import user code; the message names every import and its file.
    """
    required = dict.fromkeys(name for config in configs for name in imports(config))
    if required and not trust:
        raise UserError(f"{source} would import and run code: {', '.join(required)}; allow it with --trust")
