"""Pictures: what a run shows of itself beside its curves, and how often."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from tui_trainer.components.activations import AnyActivation
from tui_trainer.components.base import Component, Count, Whole, by_name
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.losses import Loss
from tui_trainer.components.models import Model
from tui_trainer.components.optimizers.first_order import Optimizer

SEVERAL = 40
"""Pictures of one kind, about, that are spread over a run where nothing else is asked for."""


class PictureSpec(Component):
    """One picture of a run: taken at the start, every few epochs, and at the end."""

    once: ClassVar[bool] = False
    """Whether nothing in it changes while the run trains, so that it is taken at the start alone."""

    every: Whole = 0
    """Epochs between two; 0 spreads about forty over the run. What never changes is taken once, at the start."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        """Raise `ValueError`, saying what to use instead, where this picture would show nothing of such a run."""
        if model.kind == "point":
            raise ValueError(
                f'pictures: "{self.kind}" looks at samples and layers, and model.kind = "point" has neither: '
                'take "path" or "effective-step"'
            )

    def is_due(self, epoch: int, epochs: int) -> bool:
        """Whether it is taken after so many epochs of a run that is to have `epochs`."""
        return not self.once and epoch % (self.every or max(-(-epochs // SEVERAL), 1)) == 0

    def _for_classes(self, data: Dataset) -> None:
        if data.task != "classification":
            raise ValueError(
                f'pictures: "{self.kind}" is about classes, and data.kind = "{data.kind}" has none'
                + (': take "predicted"' if data.task == "regression" else "")
            )

    def _for_probabilities(self, model: Model, loss: Loss) -> None:
        if loss.kind in ("cross-entropy", "nll", "bce", "bce-with-logits") or model.head != "identity":
            return
        raise ValueError(
            f'pictures: "{self.kind}" shows probabilities, and loss.kind = "{loss.kind}" with model.head = "identity" '
            'makes scores of any size: set loss.kind = "cross-entropy"'
        )


class ActivationCurves(PictureSpec):
    """Activation functions and their derivatives from -6 to 6, and what each lets through and costs."""

    once = True
    kind: Literal["activation"] = "activation"
    kinds: tuple[AnyActivation, ...] = ()
    """Which functions; the model's own where none is named."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if not self.kinds and (model.kind == "point" or not model.has_hidden_units):
            raise ValueError(
                f'pictures: "activation" draws the model\'s own function, and model.kind = "{model.kind}" has no '
                'hidden units: name some, kinds = ["relu", "tanh"]'
            )


class LayerBars(PictureSpec):
    """Each layer's gradient, its movement since the start, and the deviation of its activations, on a log axis."""

    kind: Literal["layers"] = "layers"
    samples: Whole = 0
    """Training samples that the gradient is taken of, drawn once; 0 takes them all."""


class SingularValues(PictureSpec):
    """The singular values of each weight matrix: what a layer stretches, shrinks and loses."""

    kind: Literal["singular-values"] = "singular-values"


class LogitBars(PictureSpec):
    """The logits of one validation sample, and the probabilities that become of them."""

    kind: Literal["logits"] = "logits"
    example: Whole = 0
    """Which validation sample, from 0 on."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)
        self._for_probabilities(model, loss)


class Confidence(PictureSpec):
    """How sure the model is of its answers on the validation split, and how often it is right when it is that sure."""

    kind: Literal["confidence"] = "confidence"
    bins: Annotated[int, Field(ge=2, le=50)] = 10
    """Bins of the largest probability, all of one width."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)
        self._for_probabilities(model, loss)


class Predicted(PictureSpec):
    """Predicted against true numbers of the validation split, with the diagonal on which they agree."""

    kind: Literal["predicted"] = "predicted"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        if data.task != "regression":
            raise ValueError(
                f'pictures: "predicted" compares numbers, and data.kind = "{data.kind}" asks for classes: '
                'take "confusion"'
            )


class Confusion(PictureSpec):
    """How many validation samples of each class were taken for which class."""

    kind: Literal["confusion"] = "confusion"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)


class Boundary(PictureSpec):
    """The class that the model gives to each place of the plane, with the validation samples. For two features."""

    kind: Literal["boundary"] = "boundary"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        super().fits(data, model, loss, optimizer)
        self._for_classes(data)


class Path(PictureSpec):
    """The way of the parameters over the contour of the function, where the parameters are a point in the plane."""

    kind: Literal["path"] = "path"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if model.kind not in ("point", "linear"):
            raise ValueError(
                f'pictures: "path" draws two parameters as a point in the plane, and model.kind = "{model.kind}" has '
                'more: take it with model.kind = "point"'
            )


class Coverage(PictureSpec):
    """How often each training sample was used in the epoch that ended."""

    kind: Literal["coverage"] = "coverage"


class GradientNoise(PictureSpec):
    """How far the gradient of a mini-batch is from that of all samples, against the size of the batch.

    At the first weights, with and without replacement; theory says S^2/B and S^2/B (m-B)/(m-1).
    """

    once = True
    kind: Literal["gradient-noise"] = "gradient-noise"
    sizes: Annotated[tuple[Count, ...], Field(min_length=2, max_length=12)] = (1, 8, 32, 128, 512)
    """Sizes of the mini-batches."""
    draws: Annotated[int, Field(ge=10, le=5000)] = 400
    """Mini-batches of each size."""
    samples: Count = 2000
    """Training samples, at most, that they are drawn from."""


class Memory(PictureSpec):
    """Bytes that the forward pass keeps for the backward pass, against the size of the batch."""

    once = True
    kind: Literal["memory"] = "memory"
    sizes: Annotated[tuple[Count, ...], Field(min_length=3, max_length=12)] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    """Sizes of the batch."""


class EffectiveStep(PictureSpec):
    """What an adaptive optimizer makes of the rate for each coordinate, over the steps, on two log axes."""

    kind: Literal["effective-step"] = "effective-step"
    at: tuple[Count, ...] = (1, 10, 100, 1000, 2000)
    """Steps whose values are read out."""

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        if not optimizer.kind.startswith(("adagrad", "rmsprop", "adam", "nadam", "radam")):
            raise ValueError(
                'pictures: "effective-step" shows how a rate is scaled for each coordinate, and '
                f'optimizer.kind = "{optimizer.kind}" scales none: choose adagrad, rmsprop or adam'
            )


class GradientNorms(PictureSpec):
    """The norm of mini-batch gradients beside that of the gradient of all samples, epoch by epoch."""

    kind: Literal["gradient-norms"] = "gradient-norms"
    batches: Annotated[int, Field(ge=2, le=1000)] = 40
    """Mini-batches of the coming epoch that are looked at, at most; they take that many steps' time."""


class OutputGradient(PictureSpec):
    """How strongly an output under a sigmoid is pulled to 1, against its sum: by BCE and by the squared error."""

    once = True
    kind: Literal["output-gradient"] = "output-gradient"

    def fits(self, data: Dataset, model: Model, loss: Loss, optimizer: Optimizer) -> None:
        """It is a formula and fits every run."""


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
    | OutputGradient,
    Field(discriminator="kind"),
    BeforeValidator(by_name),
]
"""Every picture; its name alone will do. A new one is a class above, its name here, and a camera in the engine."""
