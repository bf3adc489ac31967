"""Errors of a run as one line of text."""

from __future__ import annotations

import torch

_CPU_ALLOCATOR = "DefaultCPUAllocator: "
"""In front of torch's words where the memory of the machine does not suffice: an error of no class of its own."""
_LESS = "; smaller batches need less: data.batch_size, or training.accumulate for the same steps"


def describe_error(error: BaseException) -> str:
    """Return the kind of an error and the first line of its message, and what helps where the memory is full."""
    kind, text = type(error).__name__, str(error).strip()
    if full := is_out_of_memory(error):
        kind, text = "out of memory", text.rpartition(_CPU_ALLOCATOR)[2]
    lines = text.splitlines()
    return (f"{kind}: {lines[0][:300]}" if lines else kind) + _LESS * full


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the memory of the machine or of the device did not suffice."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and _CPU_ALLOCATOR in str(error)
