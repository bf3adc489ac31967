"""Pictures: 2-D data that a run records besides its curves, and how often."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tui_trainer.components.activations import AnyActivation
from tui_trainer.components.base import Component, Count, Positive, Whole, by_name
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.losses import Loss
from tui_trainer.components.models import Model
from tui_trainer.components.optimizers.first_order import Optimizer

SEVERAL = 40
"""Approximate number of pictures of one kind over a run, by default."""


class PictureSpec(Component):
    """A picture of a run, recorded at the start, every few epochs, and at the end."""

    once: ClassVar[bool] = False
    """Whether the picture does not change during training, so that it is recorded only at the start."""

    every: Whole = 0
    """Epochs between two pictures; 0 spreads about forty over the run. Constant pictures are recorded only once."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        """Raise `ValueError` with an alternative if this picture does not apply to such a run."""
        if model.kind == "point":
            raise ValueError(
                f'pictures: "{self.kind}" shows samples and layers, and model.kind = "point" has neither: '
                'use "path" or "effective-step"'
            )

    def is_due(self, epoch: int, epochs: int) -> bool:
        """Return whether the picture is recorded after this epoch of a run with `epochs` planned epochs."""
        return not self.once and epoch % (self.every or max(-(-epochs // SEVERAL), 1)) == 0

    def _for_classes(self, data: Dataset) -> None:
        if data.task != "classification":
            raise ValueError(
                f'pictures: "{self.kind}" is about classes, and data.kind = "{data.kind}" has none'
                + (': use "predicted"' if data.task == "regression" else "")
            )

    def _for_probabilities(self, model: Model, loss: Loss) -> None:
        if loss.kind in ("cross-entropy", "nll", "bce", "bce-with-logits") or model.head != "identity":
            return
        raise ValueError(
            f'pictures: "{self.kind}" shows probabilities, and loss.kind = "{loss.kind}" with model.head = "identity" '
            'gives unbounded scores: set loss.kind = "cross-entropy"'
        )


class ActivationCurves(PictureSpec):
    """Activation functions and their derivatives from -6 to 6, with their mean squared derivative and cost."""

    once = True
    kind: Literal["activation"] = "activation"
    kinds: tuple[AnyActivation, ...] = ()
    """Functions to show; the model's own if none is given."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if not self.kinds and (model.kind == "point" or not model.has_hidden_units):
            raise ValueError(
                f'pictures: "activation" draws the model\'s own function, and model.kind = "{model.kind}" has no '
                'hidden units: name some, kinds = ["relu", "tanh"]'
            )


class LayerBars(PictureSpec):
    """Gradient, distance from the initial weights, and activation spread of each layer, on a logarithmic axis."""

    kind: Literal["layers"] = "layers"
    samples: Whole = 0
    """Number of training samples for the gradient, drawn once; 0 uses all."""


class SingularValues(PictureSpec):
    """The singular values of each weight matrix: how a layer stretches and shrinks its inputs."""

    kind: Literal["singular-values"] = "singular-values"


class LogitBars(PictureSpec):
    """The logits of one validation sample, their probabilities, and the target: one-hot, or smoothed."""

    kind: Literal["logits"] = "logits"
    example: Whole = 0
    """Index of the validation sample, from 0."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)
        self._for_probabilities(model, loss)


class Confidence(PictureSpec):
    """Calibration on the validation split: the confidence of the predictions, and the accuracy at each confidence."""

    kind: Literal["confidence"] = "confidence"
    bins: Annotated[int, Field(ge=2, le=50)] = 10
    """Number of equal-width bins of the largest probability."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)
        self._for_probabilities(model, loss)


class Predicted(PictureSpec):
    """Predicted over true values of the validation split, with the diagonal."""

    kind: Literal["predicted"] = "predicted"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        if data.task != "regression":
            raise ValueError(
                f'pictures: "predicted" compares numbers, and data.kind = "{data.kind}" has classes as targets: '
                'use "confusion"'
            )


class Confusion(PictureSpec):
    """The confusion matrix of the validation split: counts by true and predicted class."""

    kind: Literal["confusion"] = "confusion"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)


class Boundary(PictureSpec):
    """The decision regions of the model in the plane, with the validation samples. For two features."""

    kind: Literal["boundary"] = "boundary"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)


class Path(PictureSpec):
    """The path of the parameters over the contours of the function, for a point in the plane."""

    kind: Literal["path"] = "path"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if model.kind not in ("point", "linear"):
            raise ValueError(
                f'pictures: "path" draws two parameters as a point in the plane, and model.kind = "{model.kind}" has '
                'more: use it with model.kind = "point"'
            )


class Coverage(PictureSpec):
    """The number of uses of each training sample in the last epoch."""

    kind: Literal["coverage"] = "coverage"


class GradientNoise(PictureSpec):
    """The distance of a mini-batch gradient from the full gradient, over the batch size.

    At the first weights, with and without replacement; theory says S^2/B and S^2/B (m-B)/(m-1).
    """

    once = True
    kind: Literal["gradient-noise"] = "gradient-noise"
    sizes: Annotated[tuple[Count, ...], Field(min_length=2, max_length=12)] = (1, 8, 32, 128, 512)
    """Sizes of the mini-batches."""
    draws: Annotated[int, Field(ge=10, le=5000)] = 400
    """Number of mini-batches of each size."""
    samples: Count = 2000
    """Largest number of training samples to draw from."""


class Memory(PictureSpec):
    """Memory that the forward pass keeps for the backward pass, over the batch size."""

    once = True
    kind: Literal["memory"] = "memory"
    sizes: Annotated[tuple[Count, ...], Field(min_length=3, max_length=12)] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    """Batch sizes."""


class EffectiveStep(PictureSpec):
    """The effective step size of an adaptive optimizer per coordinate, over the steps, on two logarithmic axes."""

    kind: Literal["effective-step"] = "effective-step"
    at: tuple[Count, ...] = (1, 10, 100, 1000, 2000)
    """Steps at which values are shown."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if not optimizer.kind.startswith(("adagrad", "rmsprop", "adam", "nadam", "radam")):
            raise ValueError(
                'pictures: "effective-step" shows the learning rate scaled per coordinate, and '
                f'optimizer.kind = "{optimizer.kind}" does not scale it: choose adagrad, rmsprop or adam'
            )


class GradientNorms(PictureSpec):
    """The norms of mini-batch gradients and of the full gradient, per epoch."""

    kind: Literal["gradient-norms"] = "gradient-norms"
    batches: Annotated[int, Field(ge=2, le=1000)] = 40
    """Largest number of mini-batches of the next epoch to measure; each takes about the time of a step."""


class OutputGradient(PictureSpec):
    """The gradient of the binary cross-entropy and of the squared error for a sigmoid output, over its logit."""

    once = True
    kind: Literal["output-gradient"] = "output-gradient"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        """Accept every run, since the picture is a formula."""


class Histograms(PictureSpec):
    """The distribution of the weights of each layer, or of what leaves it, over the steps; `b` shows the next layer."""

    kind: Literal["histograms"] = "histograms"
    of: Literal["weights", "activations"] = "weights"
    """The numbers that are counted; activations are those of the first validation samples, before the function."""
    bins: Annotated[int, Field(ge=4, le=100)] = 32
    """Bins of equal width from the smallest to the largest number."""


class Forgetting(PictureSpec):
    """The weight that a squared gradient still has in the optimizer's average, over its age in steps."""

    once = True
    kind: Literal["forgetting"] = "forgetting"
    steps: Annotated[int, Field(ge=10, le=5000)] = 240
    """Age of the oldest gradient in the picture."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if not optimizer.kind.startswith(("adagrad", "rmsprop", "adam", "nadam", "radam")):
            raise ValueError(
                'pictures: "forgetting" shows what an optimizer remembers of squared gradients, and '
                f'optimizer.kind = "{optimizer.kind}" keeps none: choose adagrad, rmsprop or adam'
            )


class Fit(PictureSpec):
    """The memory of a training beside that of a device: weights, gradients, optimizer, one batch, and all the data."""

    once = True
    kind: Literal["fit"] = "fit"
    samples: Whole = 0
    """Number of samples m; 0 takes those of the run."""
    numbers: Whole = 0
    """Numbers d in a sample; 0 takes those of the run."""
    gigabytes: Positive = 48.0
    """Memory of the device, in units of 1e9 bytes."""


class HessianPicture(PictureSpec):
    """The smallest and the largest eigenvalue of the Hessian of the training loss. For small networks."""

    kind: Literal["hessian"] = "hessian"


class Backprop(PictureSpec):
    """The back-propagation of one training sample, unit by unit: sum, output, slope, and gradient by the sum."""

    kind: Literal["backprop"] = "backprop"
    example: Whole = 0
    """Index of the training sample, from 0."""


class GradientCheck(PictureSpec):
    """The gradient of one training sample by each weight: by back-propagation, and by differences of the loss."""

    kind: Literal["gradient-check"] = "gradient-check"
    example: Whole = 0
    """Index of the training sample, from 0."""
    step: Annotated[float, Field(gt=0, le=1)] = 1e-5
    """Change of a weight in both directions, for the differences."""


class AnswerSamples(PictureSpec):
    """The answers on the worst validation samples and on chosen ones, while the run trains, on the page of `Q`.

    Taken after an epoch whenever that costs less than 1 % of the time of the training.
    """

    kind: Literal["answers"] = "answers"
    samples: Annotated[tuple[Whole, ...], Field(max_length=24)] = ()
    """Indices of validation samples that are always shown, from 0."""
    prompt: Annotated[str, Field(max_length=500)] = ""
    """Text that a language model continues; the beginning of the validation text if empty."""
    worst: Annotated[int, Field(ge=0, le=24)] = 6
    """Number of worst samples."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        if self.prompt and data.task != "language":
            raise ValueError(
                f'pictures: "answers" continues a prompt for text, and data.kind = "{data.kind}" has none: '
                "give samples = [0, 1] instead"
            )


AnyPicture = Annotated[
    ActivationCurves
    | LayerBars
    | SingularValues
    | LogitBars
    | Confidence
    | Predicted
    | Confusion
    | Boundary
    | Path
    | Coverage
    | GradientNoise
    | Memory
    | EffectiveStep
    | GradientNorms
    | OutputGradient
    | Histograms
    | Forgetting
    | Fit
    | HessianPicture
    | Backprop
    | GradientCheck
    | AnswerSamples,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]
"""Every picture; a bare name is accepted. To add one, write a class above and its source, and add its name here."""
