"""What the rules look at: the numbers of a run that a diagnosis needs, and nothing else, as one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median

from tui_trainer.diagnosis.epochs import Epochs

WINDOW = 5
"""Epochs, the last ones, whose probes are looked at together."""
LEAST_PROBES = 3
"""Probes below which their median says nothing."""
ENOUGH_PROBES = 5
"""Probes that are looked at together however many epochs they took."""
MOST_PROBES = 64
"""Probes that are kept; an epoch of many thousand steps has more."""
MEASUREMENTS = 5
"""Measurements of a layer that its medians are taken over."""
LAST_LOSSES = 5
"""Finite losses that are kept for the case that the next one is not."""


@dataclass(frozen=True, slots=True)
class ProbeSeen:
    """One step, looked at closely.

    Attributes:
        step: the step.
        epoch: the epoch that it was part of.
        quality: (l_B(w) - l_B(w + dw)) / (-g dw) on the step's own batch: 1 where the loss fell by as much as the
            gradient promised, 1/2 at the exact line search of a quadratic, below 0 where the step raised the loss.
        update: |dw| / |w| over all weights.
        cosine: between its gradient and that of the batch before.
    """

    step: int
    epoch: int
    quality: float | None = None
    update: float | None = None
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class LayerSeen:
    """One layer: the norms of its newest measurements, and what came out of it over the validation split.

    Attributes:
        gradients, weights: norms, the newest last.
        spread: deviation of its hidden units' activations, None where it has none or none was measured.
        silent: share of its ReLUs that no validation sample moved.
    """

    name: str
    gradients: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    spread: float | None = None
    silent: float | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first loss or gradient that was no number.

    Attributes:
        step: where.
        kind: nan, inf or -inf.
        what: loss or gradient.
        layer: the first layer, from input to output, that held no number; empty where that is not known.
        data: whether the training data themselves hold something that is no number.
    """

    step: int
    kind: str
    what: str = "loss"
    layer: str = ""
    data: bool = False


@dataclass(frozen=True, slots=True)
class BatchWindow:
    """The losses of the batches of the epoch under way, summed up."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    highest: float = 0.0

    @property
    def deviation(self) -> float:
        """Of the losses so far."""
        if not self.count:
            return 0.0
        mean = self.total / self.count
        variance = self.squares / self.count - mean * mean
        return math.sqrt(variance) if 0 < variance < math.inf else 0.0


@dataclass(frozen=True, slots=True)
class History:
    """One run as the rules see it. Losses are in natural logarithms where the loss is.

    Attributes:
        chance: the loss of an output that treats all classes alike; of the best constant, for numbers.
        guessing: the loss of the best output that is the same for every sample (the entropy of the class frequencies).
        first_loss: of the first batch, before any step.
        last_losses: the newest finite losses.
        under_way: the epoch that has not ended.
        epochs: those that have.
        probes: those of the last epochs, none from before the rate or the optimizer was changed by hand.
        layers: from input to output, without those that only scale and shift.
        rate, first_rate: median of lr / sqrt(sum of squared gradients) of Adagrad, now and at the end of epoch 1.
        reason: why the run ended, empty while it has not.
    """

    task: str = ""
    chance: float | None = None
    guessing: float | None = None
    optimizer: str = ""
    monitor: str = "val_loss"
    """The metric that early stopping watches."""
    planned: int = 0
    """Epochs that the run is to have."""
    steps_per_epoch: int = 1
    validation_samples: int = 0
    scales: tuple[str, ...] = ()
    """Layers that are not looked at: norms."""
    step: int = 0
    first_loss: float | None = None
    last_losses: tuple[float, ...] = ()
    under_way: BatchWindow = BatchWindow()
    epochs: Epochs = field(default_factory=Epochs)
    probes: tuple[ProbeSeen, ...] = ()
    layers: tuple[LayerSeen, ...] = ()
    rate: float | None = None
    first_rate: float | None = None
    broken: Broken | None = None
    reason: str = ""

    @property
    def level(self) -> float:
        """The loss that others are measured against: that of chance, else that of guessing, else the first."""
        known = (self.chance, self.guessing, self.first_loss)
        return next((value for value in known if value is not None and value > 0), 1.0)

    @property
    def guess(self) -> float:
        """The loss of predicting the class frequencies, as far as it is known."""
        return self.guessing if self.guessing is not None and self.guessing > 0 else self.level

    @property
    def start(self) -> float:
        """The loss before any step, or that of chance where it was lower."""
        return max(self.first_loss or 0.0, self.level)

    @property
    def loss(self) -> float | None:
        """The mean training loss of the last epoch, None before one has ended."""
        return self.epochs.last.loss if self.epochs else None

    @property
    def quality(self) -> float | None:
        """The median quality of the steps in the window."""
        return _median(tuple(probe.quality for probe in self.probes))

    @property
    def update(self) -> float | None:
        """The median size of the steps in the window, |dw| / |w|."""
        return _median(tuple(probe.update for probe in self.probes))

    @property
    def cosine(self) -> float | None:
        """The median cosine between the gradients of consecutive batches in the window."""
        return _median(tuple(probe.cosine for probe in self.probes))

    def fall(self, epochs: int) -> float:
        """The share by which the loss fell in each of the last `epochs`, in the mean; below 0 where it rose."""
        if len(self.epochs) < 2:
            return 0.0
        then, now = self.epochs.back(epochs), self.epochs.last
        back = now.place - then.place
        return 1 - (now.loss / then.loss) ** (1 / back) if then.loss > 0 and now.loss > 0 else 0.0

    @property
    def quarter(self) -> int:
        """A quarter of the epochs so far, two at least."""
        return max(len(self.epochs) // 4, 2)

    @property
    def grew(self) -> bool:
        """Whether the last finite losses had grown beyond what the run began with, or tripled."""
        last = self.last_losses
        return bool(last) and (max(last) > 2 * self.start or (last[0] > 0 and last[-1] > 3 * last[0]))


def _median(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= LEAST_PROBES else None
