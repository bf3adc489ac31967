"""A terminal UI for training PyTorch models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tui_trainer.user_log import log as log

if TYPE_CHECKING:
    from tui_trainer.monitor.monitor import Monitor as Monitor
    from tui_trainer.monitor.monitor import StopTraining as StopTraining

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `Monitor` and `StopTraining` when they are asked for."""
    if name in ("Monitor", "StopTraining"):
        return getattr(importlib.import_module("tui_trainer.monitor.monitor"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
