"""A terminal UI for training PyTorch models."""

from __future__ import annotations

import importlib
from typing import Any

from tui_trainer.user_log import log as log

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `Monitor` and `StopTraining` when they are asked for."""
    if name in ("Monitor", "StopTraining"):
        return getattr(importlib.import_module("tui_trainer.monitor.monitor"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
