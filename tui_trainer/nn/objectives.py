"""Loss functions that also decode predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Cost = Callable[[Tensor, Tensor], Tensor]
"""A mean loss of outputs and targets, with the signature of torch's functions."""

_KERNELS: Any = torch.ops.aten
"""torch's derivatives have no other name."""

TINY = torch.finfo(torch.float32).tiny


class Objective(ABC):
    """A callable `(outputs, targets) -> mean loss` that also decodes predictions."""

    @abstractmethod
    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch, a scalar."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Return the predicted class or symbol of each sample, or the outputs themselves."""

    def with_grad(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch and its gradient with respect to the outputs, both detached."""
        leaf = outputs.detach().requires_grad_()
        with torch.enable_grad():
            loss = self(leaf, targets)
            (grad,) = torch.autograd.grad(loss, leaf)
        return loss.detach(), grad


class Classes(Objective):
    """Outputs `[..., K]`, one for each class, against class ids `[...]`."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._cost(outputs.flatten(0, -2), targets.flatten())

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.argmax(-1)


class Logits(Classes):
    """Outputs `[..., K]` before a softmax against class ids `[...]`: their cross-entropy.

    Args:
        label_smoothing: fraction of the target that is spread over all classes; may be changed while a run trains.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(self._smoothed)
        self.label_smoothing = label_smoothing

    def _smoothed(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, label_smoothing=self.label_smoothing)

    def with_grad(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if outputs.dim() != 2 or self.label_smoothing:
            return super().with_grad(outputs, targets)
        logs = torch.log_softmax(outputs, 1)
        loss, weight = _KERNELS.nll_loss_forward.default(logs, targets, None, 1, -100)
        grad = _KERNELS.nll_loss_backward.default(torch.ones_like(loss), logs, targets, None, 1, -100, weight)
        return loss, _KERNELS._log_softmax_backward_data.default(grad, logs, 1, logs.dtype)


class OneHot(Classes):
    """Outputs `[n, K]` against one-hot targets."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._cost(outputs, torch.zeros_like(outputs).scatter_(-1, targets.unsqueeze(-1), 1.0))


class TwoClasses(Objective):
    """One output `[n, 1]` against the classes 0 and 1; above `threshold` it predicts 1."""

    def __init__(self, cost: Cost, threshold: float) -> None:
        self._cost = cost
        self.threshold = threshold

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._cost(outputs.squeeze(-1), targets.to(outputs.dtype))

    def predict(self, outputs: Tensor) -> Tensor:
        return (outputs.squeeze(-1) > self.threshold).long()


class TwoSigns(TwoClasses):
    """One output `[n, 1]` against -1 for class 0 and +1 for class 1; its sign is the prediction."""

    def __init__(self, cost: Cost) -> None:
        super().__init__(cost, threshold=0.0)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._cost(outputs.squeeze(-1), targets.to(outputs.dtype) * 2 - 1)


class Values(Objective):
    """Outputs `[n, t]` against numbers `[n, t]`."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self._cost(outputs, targets)

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs


class Heights(Objective):
    """Outputs `[n, 1]`, the values of n functions at the point; there are no targets."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.mean()

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs


def half_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """Half the mean squared error."""
    return F.mse_loss(outputs, targets) / 2


def nll_of_probabilities(probabilities: Tensor, classes: Tensor) -> Tensor:
    """-ln of the probability of the true class; a probability rounded to 0 counts as the smallest float."""
    return F.nll_loss(probabilities.clamp_min(TINY).log(), classes)


def bce_of_probabilities(probabilities: Tensor, targets: Tensor) -> Tensor:
    """-t ln p - (1 - t) ln (1 - p), in float32 also where the forward pass is not: torch allows no other."""
    if not torch.is_autocast_enabled(probabilities.device.type):
        return F.binary_cross_entropy(probabilities, targets)
    with torch.autocast(probabilities.device.type, enabled=False):
        return F.binary_cross_entropy(probabilities.float(), targets.float())


def hinge_of_signs(scores: Tensor, signs: Tensor) -> Tensor:
    """max(0, 1 - y f): zero from a margin of 1 on."""
    return (1 - signs * scores).clamp_min(0).mean()


def perceptron_of_signs(scores: Tensor, signs: Tensor) -> Tensor:
    """max(0, -y f). The gradient at f = 0 is that of a mistake, so that zero weights can learn."""
    return (-signs * scores).clamp_min(0).mean()


def perceptron_of_classes(scores: Tensor, classes: Tensor) -> Tensor:
    """The best score minus that of the true class."""
    return (scores.amax(-1) - scores.gather(-1, classes.unsqueeze(-1)).squeeze(-1)).mean()
