"""The history of a run for the rules: only the numbers that a diagnosis needs, as one frozen value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.diagnosis.epochs import Epochs
from tui_trainer.diagnosis.interventions import Change

WINDOW = 5
"""Number of last epochs from which probes are combined."""
LEAST_PROBES = 3
"""Fewest probes for a meaningful median."""
ENOUGH_PROBES = 5
"""Number of probes that are combined even if they span more epochs."""
MOST_PROBES = 64
"""Largest number of probes to keep; an epoch of many thousand steps has more."""
MEASUREMENTS = 5
"""Number of measurements of a layer in its medians."""
LAST_LOSSES = 5
"""Number of finite losses to keep as evidence if the next one is not finite."""
SOLVED = 0.05
"""A validation error below this share of that of guessing counts as solved."""


@dataclass(frozen=True, slots=True)
class ProbeSeen:
    """The measurements of one step.

    Attributes:
        step: the step.
        epoch: the epoch of the step.
        quality: (l_B(w) - l_B(w + dw)) / (-g dw) on the step's own batch: 1 if the loss fell by the linear prediction,
            1/2 at the exact line search of a quadratic, below 0 if the step raised the loss.
        update: the relative update |dw| / |w| over all weights.
        cosine: the cosine between its gradient and that of the previous batch.
    """

    step: int
    epoch: int
    quality: float | None = None
    update: float | None = None
    cosine: float | None = None


@dataclass(frozen=True, slots=True)
class LayerSeen:
    """The newest norms of one layer, and statistics of its activations over the validation split.

    Attributes:
        gradients, weights: norms, the newest last.
        spread: standard deviation of its hidden units' activations; None if it has none or was not measured.
        silent: fraction of its ReLUs that output 0 for every validation sample.
    """

    name: str
    gradients: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    spread: float | None = None
    silent: float | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first loss, gradient or tensor of the model or optimizer that was NaN or infinite.

    Attributes:
        step: the step at which it occurred.
        kind: nan, inf or -inf.
        what: loss, gradient or the name of a tensor.
        layer: the first layer, from input to output, with a non-finite value; empty if not known.
        data: whether the training data contain NaN or inf.
    """

    step: int
    kind: str
    what: str = "loss"
    layer: str = ""
    data: bool = False


@dataclass(frozen=True, slots=True)
class BatchWindow:
    """Running sums over the batch losses of the current epoch."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    highest: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of the losses so far."""
        if not self.count:
            return 0.0
        mean = self.total / self.count
        variance = self.squares / self.count - mean * mean
        return math.sqrt(variance) if 0 < variance < math.inf else 0.0


@dataclass(frozen=True, slots=True)
class History:
    """The record of one run that the rules evaluate. Cross-entropies are in nats.

    Attributes:
        chance: the loss of a uniform prediction over the classes; of the best constant, for regression.
        guessing: the loss of the best constant prediction (the entropy of the class frequencies).
        first_loss: the loss of the first batch, before any step.
        last_losses: the newest finite losses.
        under_way: the current epoch.
        epochs: the ended epochs.
        probes: the probes of the last epochs, since the learning rate or the optimizer was last changed by hand.
        layers: from input to output, without normalisation layers.
        rate, first_rate: median of lr / sqrt(sum of squared gradients) of Adagrad, now and at the end of epoch 1.
        reason: why the run ended; empty during training.
    """

    task: str = ""
    chance: float | None = None
    guessing: float | None = None
    optimizer: str = ""
    monitor: str = "val_loss"
    """The metric that early stopping monitors."""
    planned: int = 0
    """Planned number of epochs."""
    steps_per_epoch: int = 1
    validation_samples: int = 0
    scales: tuple[str, ...] = ()
    """Layers to leave out: normalisation layers."""
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
    ranks: Mapping[str, float] = field(default_factory=dict[str, float])
    """The newest times of several processes that train together, without the name of their group."""
    reason: str = ""
    plan: LrPlan | None = None
    """The learning rate as planned, with manual changes."""
    lr: float = 0.0
    """The newest learning rate."""
    interventions: tuple[Change, ...] = ()
    """The newest interventions, without those that were undone."""

    @property
    def level(self) -> float:
        """The reference loss: that of chance, else that of guessing, else the first loss."""
        known = (self.chance, self.guessing, self.first_loss)
        return next((value for value in known if value is not None and value > 0), 1.0)

    @property
    def guess(self) -> float:
        """The loss of predicting the class frequencies; the reference loss if it is not known."""
        return self.guessing if self.guessing is not None and self.guessing > 0 else self.level

    @property
    def start(self) -> float:
        """The loss before any step, or that of chance if this is higher."""
        return max(self.first_loss or 0.0, self.level)

    @property
    def loss(self) -> float | None:
        """The mean training loss of the last epoch; None before the first has ended."""
        return self.epochs.last.loss if self.epochs else None

    @property
    def epochs_end(self) -> int:
        """The step at which the last epoch ended; 0 before the first has."""
        return self.epochs.last.step if self.epochs else 0

    @property
    def solved(self) -> bool:
        """Whether nearly all validation samples are classified as they should be: little is left to gain."""
        if not self.epochs or self.chance is None:
            return False
        error = self.epochs.last.val_error
        return error is not None and error < SOLVED * (1 - math.exp(-self.chance))

    @property
    def quality(self) -> float | None:
        """The median step quality in the window."""
        return _median(tuple(probe.quality for probe in self.probes))

    @property
    def update(self) -> float | None:
        """The median relative update |dw| / |w| in the window."""
        return _median(tuple(probe.update for probe in self.probes))

    @property
    def cosine(self) -> float | None:
        """The median cosine between the gradients of consecutive batches in the window."""
        return _median(tuple(probe.cosine for probe in self.probes))

    def fall(self, epochs: int) -> float:
        """Return the mean relative fall of the loss per epoch over the last `epochs`; negative if it rose."""
        if len(self.epochs) < 2:
            return 0.0
        then, now = self.epochs.back(epochs), self.epochs.last
        back = now.place - then.place
        return 1 - (now.loss / then.loss) ** (1 / back) if then.loss > 0 and now.loss > 0 else 0.0

    @property
    def quarter(self) -> int:
        """A quarter of the epochs so far, at least two."""
        return max(len(self.epochs) // 4, 2)

    @property
    def grew(self) -> bool:
        """Whether the last finite losses exceeded twice the initial loss, or tripled."""
        last = self.last_losses
        return bool(last) and (max(last) > 2 * self.start or (last[0] > 0 and last[-1] > 3 * last[0]))


def _median(values: tuple[float | None, ...]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= LEAST_PROBES else None
