"""Clipping by the global gradient norm, also where the squares of the gradients do not fit into their type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.monitoring.layer_stats import gradients_of, is_sharded, largest_of, norm_of

_KERNELS: Any = torch
"""torch's functions of many tensors at once have no public name."""


def clip_gradients(parameters: Sequence[nn.Parameter], clip: float) -> Tensor:
    """Scale gradients with a global norm above `clip` down to it, as torch does. Returns the norm before.

    A norm that overflows would make every gradient 0. Such gradients are divided by their largest magnitude before
    their norm is taken; on an accelerator without a look at the norm, which would wait for the device.
    """
    gradients = gradients_of(list(parameters))
    norm = norm_of(gradients)
    if is_sharded(gradients) or (norm.device.type == "cpu" and not norm.isinf()):
        torch.nn.utils.clip_grads_with_norm_(parameters, clip, norm)
        return norm
    return clip_by_largest(gradients, clip, norm)


def clip_by_largest(gradients: list[Tensor], clip: float, norm: Tensor) -> Tensor:
    """Clip gradients whose `norm` may have overflowed; where it has not, every bit is torch's. Returns the norm."""
    largest = largest_of(gradients)
    overflowed = norm.isinf() & largest.isfinite()
    unit = torch.where(overflowed, largest, torch.ones_like(largest))
    _KERNELS._foreach_div_(gradients, unit)
    scaled = torch.where(overflowed, norm_of(gradients), norm)
    usual = (clip / (norm + 1e-6)).clamp(max=1.0)
    factor = torch.where(overflowed, torch.minimum(clip / scaled, largest), usual)
    _KERNELS._foreach_mul_(gradients, factor)
    return scaled.double() * unit
