"""Errors of a run as one line of text."""

from __future__ import annotations

import torch


def describe_error(error: BaseException) -> str:
    """Return the kind of an error and the first line of its message."""
    kind = "out of memory" if isinstance(error, (MemoryError, torch.OutOfMemoryError)) else type(error).__name__
    lines = str(error).strip().splitlines()
    return f"{kind}: {lines[0][:300]}" if lines else kind
