"""The number of processes that train together, as a library has set them up."""

from __future__ import annotations


def process_count() -> int:
    """Return how many processes train together."""
    import torch

    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1
