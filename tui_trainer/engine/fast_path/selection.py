"""The one way into the fast path: faster versions of the parts of a training step, with the same bits.

Each is used only where it was shown to fit: CUDA graphs replace the launches of single kernels, manual passes replace
autograd for a plain network on the CPU, and a fused update replaces the bookkeeping of `Optimizer.step`.
`training.fast_path = "off"` switches all of them off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tui_trainer.data.types import Split
from tui_trainer.engine.fast_path import cuda_graphs, fused_step
from tui_trainer.engine.fast_path.manual_mlp import FastForwardBackward, manual_mlp_for
from tui_trainer.engine.steps.base import ForwardBackward
from tui_trainer.nn.objectives import Objective


class FastPath:
    """Chooses between the plain and the fast version of each part of a step.

    Args:
        mode: the preset key `training.fast_path`.
    """

    def __init__(self, mode: Literal["auto", "off"]) -> None:
        self._off = mode == "off"

    def graphed(
        self,
        model: nn.Module,
        sample: Tensor,
        autocast: AbstractContextManager[Any],
        log: Callable[[str], None],
        *,
        compiled: bool,
    ) -> Callable[[Tensor], Tensor] | None:
        """Return the model with CUDA graphs for batches of the shape of `sample`; None, with a logged reason, if not
        possible.
        """
        reason = "training.fast_path is off" if self._off else ""
        reason = reason or cuda_graphs.unsupported_reason(sample.device, compiled=compiled)
        if reason:
            log(f"training.cuda_graphs: the model runs without graphs: {reason}")
            return None
        with autocast:
            return cuda_graphs.graph_model(model, sample, log)

    def forward_backward(
        self, model: nn.Module, objective: Objective, split: Split, sizes: Iterable[int], plain: ForwardBackward
    ) -> ForwardBackward:
        """Return manual passes for the batch sizes where they gave the bits of autograd, `plain` for all others.

        Args:
            split: training data to try them on.
            sizes: batch sizes of the run.
            plain: the passes through autograd.
        """
        if self._off:
            return plain
        manual = manual_mlp_for(model, objective, split.inputs, split.targets, sizes)
        return plain if manual is None else FastForwardBackward(manual, plain)

    def optimizer_step(self, optimizer: torch.optim.Optimizer) -> Callable[[], object]:
        """Return what takes a step of the optimizer: the fused kernel where it has one, else its `step`."""
        return optimizer.step if self._off else fused_step.bind_step(optimizer)
