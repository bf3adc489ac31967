"""One training step, whatever takes it: autograd, a closure, or the fast path."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from torch import Tensor

ForwardBackward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Takes (inputs, targets) of a batch, fills every parameter's `grad`, returns (mean loss, outputs)."""

OnGradients = Callable[[Tensor], bool | None]
"""Takes the loss of the step when its gradients are there and before a weight moves; it may scale the gradients.

Returns True where the step is not to be taken, which a step along one gradient follows."""


class StepResult(NamedTuple):
    """The results of one step.

    Attributes:
        loss: the mean loss before the step, detached, still on the device.
        outputs: the outputs of the model before the step.
        evaluations: gradients that the step evaluated.
    """

    loss: Tensor
    outputs: Tensor
    evaluations: int = 1


class StepFunction(ABC):
    """Changes the weights by one batch."""

    one_gradient: ClassVar[bool]
    """Whether the step follows a single gradient, which is still in every `grad` after it."""

    @abstractmethod
    def __call__(self, inputs: Tensor, targets: Tensor, on_gradients: OnGradients) -> StepResult:
        """Take one step. Calls `on_gradients` once, with the first gradients and before a weight moves."""
