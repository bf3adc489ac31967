"""Loss functions, with the heads and tasks they allow and the number of outputs they need."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tui_trainer.components.base import Arguments, Component, ImportPath, Positive, Share, Whole
from tui_trainer.components.models import Head
from tui_trainer.data.types import ProblemSpec, Task

if TYPE_CHECKING:
    from tui_trainer.nn.objectives import Cost, Objective


class Loss(Component):
    """A loss function, averaged over the batch."""

    def fits(self, task: Task, head: Head) -> None:
        """Raise `ValueError` with an alternative if this loss does not fit the task or the head."""
        raise NotImplementedError

    def outputs(self, shape: ProblemSpec) -> int:
        """Return the number of model outputs per sample (per position for language)."""
        return shape.targets

    def build(self, shape: ProblemSpec) -> Objective:
        """Build the loss as a callable `(outputs, targets)` for data of `shape`."""
        raise NotImplementedError

    def _for_samples(self, task: Task) -> None:
        if task == "minimise":
            raise ValueError(
                f'loss.kind = "{self.kind}" compares predictions with targets, and a function to minimise has no '
                "targets: "
                'set loss.kind = "value"'
            )

    def _for_classes(self, task: Task) -> None:
        self._for_samples(task)
        if task == "regression":
            raise ValueError(
                f'loss.kind = "{self.kind}" compares classes, and the targets of this data set are numbers: set '
                'loss.kind = "mse"'
            )

    def _not_for_language(self, task: Task) -> None:
        if task == "language":
            raise ValueError(
                f'loss.kind = "{self.kind}" does not normalise over the symbols of a vocabulary: '
                'set loss.kind = "cross-entropy"'
            )


class CrossEntropy(Loss):
    """Cross-entropy: -ln of the softmax probability of the true class, from logits (torch `cross_entropy`).

    With smoothing e the target is q = (1 - e) y + e/K, torch's form (arXiv 1512.00567): 1 - e + e/K for the right one
    of K classes and e/K for the others. Written as 1 - (K - 1) d and d, it is the same with d = e/K.
    """

    kind: Literal["cross-entropy"] = "cross-entropy"
    label_smoothing: Share = 0.0
    """Fraction of the target that is spread over all classes, which bounds the optimal logits."""

    def fits(self, task: Task, head: Head) -> None:
        self._for_classes(task)
        if head == "softmax":
            raise ValueError(
                'loss.kind = "cross-entropy" applies a softmax itself, and model.head = "softmax" would apply it '
                "twice: "
                'set model.head = "identity", or loss.kind = "nll"'
            )
        if head == "sigmoid":
            raise ValueError(
                'loss.kind = "cross-entropy" needs unbounded logits, and model.head = "sigmoid" keeps them between 0 '
                'and 1, so that the loss cannot approach 0: set model.head = "identity", or loss.kind = "bce"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import Logits

        return Logits(self.label_smoothing)


class NLL(Loss):
    """Negative log likelihood: -ln of the true class's probability, for a softmax head (torch `nll_loss`)."""

    kind: Literal["nll"] = "nll"

    def fits(self, task: Task, head: Head) -> None:
        self._for_classes(task)
        if head != "softmax":
            raise ValueError(
                'loss.kind = "nll" takes the logarithm of probabilities that sum to 1, and '
                f'model.head = "{head}" does not return them: set model.head = "softmax", or model.head = "identity" '
                "with "
                'loss.kind = "cross-entropy"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import Classes, nll_of_probabilities

        return Classes(nll_of_probabilities)


class _Distance(Loss):
    """A distance between outputs and targets; for classes, the targets are one-hot vectors."""

    def fits(self, task: Task, head: Head) -> None:
        self._for_samples(task)
        self._not_for_language(task)
        if task == "regression" and head == "softmax":
            raise ValueError(
                'model.head = "softmax" makes outputs that sum to 1, and the targets of this data set are unbounded: '
                'set model.head = "identity"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import OneHot, Values

        return Values(self.cost()) if shape.task == "regression" else OneHot(self.cost())

    def cost(self) -> Cost:
        """Return the mean distance over all elements."""
        raise NotImplementedError


class MSE(_Distance):
    """Mean squared error (torch `mse_loss`)."""

    kind: Literal["mse"] = "mse"

    def cost(self) -> Cost:
        import torch.nn.functional as F

        return F.mse_loss


class HalfMSE(_Distance):
    """Half the mean squared error, |y - X w|^2 / (2m), with gradient X'(X w - y)/m.

    The lecture's least squares, whose rate of gradient descent is 1/L with L the largest eigenvalue of X'X/m. torch's
    `mse_loss` is twice as large, and so are its gradients.
    """

    kind: Literal["half-mse"] = "half-mse"

    def cost(self) -> Cost:
        from tui_trainer.nn.objectives import half_mse

        return half_mse


class L1(_Distance):
    """Mean absolute error, robust to outliers (torch `l1_loss`)."""

    kind: Literal["l1"] = "l1"

    def cost(self) -> Cost:
        import torch.nn.functional as F

        return F.l1_loss


class Huber(_Distance):
    """Huber loss: quadratic for small errors, linear for large ones (torch `huber_loss`; Huber 1964)."""

    kind: Literal["huber"] = "huber"
    delta: Positive = 1.0
    """Error at which the loss changes from quadratic to linear."""

    def cost(self) -> Cost:
        import torch.nn.functional as F

        return partial(F.huber_loss, delta=self.delta)


class _Binary(Loss):
    """A loss with one output for two classes; for more classes, one output each (one against the rest)."""

    def outputs(self, shape: ProblemSpec) -> int:
        return 1 if shape.targets == 2 else shape.targets


class BCEWithLogits(_Binary):
    """Binary cross-entropy from logits z, with p = sigmoid(z) (torch `binary_cross_entropy_with_logits`)."""

    kind: Literal["bce-with-logits"] = "bce-with-logits"

    def fits(self, task: Task, head: Head) -> None:
        self._for_classes(task)
        self._not_for_language(task)
        if head == "sigmoid":
            raise ValueError(
                'loss.kind = "bce-with-logits" applies a sigmoid itself, and model.head = "sigmoid" would apply it '
                "twice: "
                'set model.head = "identity", or loss.kind = "bce"'
            )
        if head == "softmax":
            raise ValueError(
                'loss.kind = "bce-with-logits" treats each class independently, and model.head = "softmax" makes them '
                'compete: set model.head = "identity", or loss.kind = "nll"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        import torch.nn.functional as F

        from tui_trainer.nn.objectives import OneHot, TwoClasses

        cost = F.binary_cross_entropy_with_logits
        return TwoClasses(cost, threshold=0.0) if self.outputs(shape) == 1 else OneHot(cost)


class BCE(_Binary):
    """Binary cross-entropy, -y ln p - (1 - y) ln (1 - p), for a sigmoid head (torch `binary_cross_entropy`)."""

    kind: Literal["bce"] = "bce"

    def fits(self, task: Task, head: Head) -> None:
        self._for_classes(task)
        self._not_for_language(task)
        if head == "identity":
            raise ValueError(
                'loss.kind = "bce" takes probabilities, and model.head = "identity" is not bounded: set '
                'model.head = "sigmoid", or loss.kind = "bce-with-logits"'
            )
        if head == "softmax":
            raise ValueError(
                'loss.kind = "bce" treats each class independently, and model.head = "softmax" makes them compete: set '
                'model.head = "sigmoid", or loss.kind = "nll"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import OneHot, TwoClasses, bce_of_probabilities

        cost = bce_of_probabilities
        return TwoClasses(cost, threshold=0.5) if self.outputs(shape) == 1 else OneHot(cost)


class _Margin(_Binary):
    """A loss on the signed distance from the decision boundary."""

    def fits(self, task: Task, head: Head) -> None:
        self._for_classes(task)
        self._not_for_language(task)
        if head != "identity":
            raise ValueError(
                f'loss.kind = "{self.kind}" needs unbounded scores of both signs, and model.head = "{head}" keeps '
                'them between 0 and 1: set model.head = "identity"'
            )


class Hinge(_Margin):
    """Hinge loss: max(0, 1 - y f) for classes y = -1, 1; zero from a margin of 1 on (Cortes and Vapnik 1995).

    For more classes it is max(0, 1 - f_y + f_j), summed over the wrong ones and over K (torch `multi_margin_loss`).
    """

    kind: Literal["hinge"] = "hinge"

    def build(self, shape: ProblemSpec) -> Objective:
        import torch.nn.functional as F

        from tui_trainer.nn.objectives import Classes, TwoSigns, hinge_of_signs

        return TwoSigns(hinge_of_signs) if self.outputs(shape) == 1 else Classes(F.multi_margin_loss)


class Perceptron(_Margin):
    """Perceptron loss: max(0, -y f) for y = -1, 1; best minus true score for more classes (Rosenblatt 1958).

    One sample at a time with SGD and a rate of 1 it is the perceptron's rule: w <- w + y x after each mistake.
    """

    kind: Literal["perceptron"] = "perceptron"

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import Classes, TwoSigns, perceptron_of_classes, perceptron_of_signs

        return TwoSigns(perceptron_of_signs) if self.outputs(shape) == 1 else Classes(perceptron_of_classes)


class Value(Loss):
    """The function value itself, for problems that minimise a known function."""

    kind: Literal["value"] = "value"

    def fits(self, task: Task, head: Head) -> None:
        if task != "minimise":
            raise ValueError(
                'loss.kind = "value" is the value of a known function, and this data set has targets to be compared '
                f'with: set loss.kind = "{"mse" if task == "regression" else "cross-entropy"}", or '
                'data.kind = "quadratic"'
            )
        if head != "identity":
            raise ValueError(
                f'model.head = "{head}" would change the function that is minimised: set model.head = "identity"'
            )

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.objectives import Heights

        return Heights()


class ImportedLoss(Loss):
    """Your own loss: `function(outputs, targets, **arguments)` returns the mean over the batch, a scalar tensor.

    A class is called with the arguments first, and its object with outputs and targets: `torch.nn:SmoothL1Loss`. The
    outputs are the model's own, `[n, outputs]`; targets are class ids `[n]` or numbers `[n, targets]`. The largest
    output is the predicted class, or with one output class 1 from 0 on. It runs code, so the run must be trusted
    (`--trust`).
    """

    runs_code = True
    kind: Literal["import"] = "import"
    path: ImportPath = ""
    """Function or class, as `module:name`; modules in the working directory are found too."""
    arguments: Annotated[Arguments, Field(default_factory=dict)]
    """Keyword arguments of the function, or of the class."""
    count: Whole = 0
    """Number of outputs of the model; 0 for one per class, or per number to predict."""

    def __hash__(self) -> int:
        return hash(self.model_dump_json())

    def fits(self, task: Task, head: Head) -> None:
        self._for_samples(task)

    def outputs(self, shape: ProblemSpec) -> int:
        return self.count or shape.targets

    def build(self, shape: ProblemSpec) -> Objective:
        from tui_trainer.nn.own_objective import OwnObjective

        return OwnObjective(self.path, self.arguments, classes=shape.task != "regression")


AnyLoss = Annotated[
    CrossEntropy | NLL | MSE | HalfMSE | L1 | Huber | BCEWithLogits | BCE | Hinge | Perceptron | Value | ImportedLoss,
    Field(discriminator="kind"),
]
"""Every loss. To add one, write a class above and add its name here."""
