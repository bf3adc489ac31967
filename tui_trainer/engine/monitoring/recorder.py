"""What each step measured, kept on the device and published a column at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter

import torch
from torch import Tensor

from tui_trainer.engine.monitoring.layer_stats import Layers, measured
from tui_trainer.engine.monitoring.step_probe import columns_of
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent, LayersMeasured, Scalars

FLUSH_SECONDS = 0.2
"""How long measurements wait for each other: one transfer and one event for all of them."""
MAX_WAITING = 4096
"""Steps that wait at most, however fast they are."""


class Timer:
    """Seconds of training: pauses and the turns of other runs are left out."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._since: float | None = None

    def start(self) -> None:
        """Go on counting."""
        if self._since is None:
            self._since = perf_counter()

    def stop(self) -> None:
        """Stand still."""
        if self._since is not None:
            self._before += perf_counter() - self._since
            self._since = None

    def set(self, seconds: float) -> None:
        """Go on counting from here."""
        self._before = seconds
        self._since = perf_counter() if self._since is not None else None

    def read(self) -> float:
        """Seconds so far."""
        return self._before + (perf_counter() - self._since if self._since is not None else 0.0)


class Recorder:
    """Collects the loss and the rate of every step, the gradient norm of some, and publishes them together.

    Nothing here waits for the device between two flushes: losses stay tensors until then.
    """

    def __init__(self, publish: Callable[[AnyEvent], None], watch: Timer) -> None:
        self._publish = publish
        self._watch = watch
        self._losses: list[Tensor] = []
        self._rates: list[float] = []
        self._seconds: list[float] = []
        self._sizes: list[int] = []
        self._last_step = 0
        self._norms: list[Tensor] = []
        self._norm_steps: list[int] = []
        self._norm_seconds: list[float] = []
        self._beside: dict[str, list[tuple[int, float, Tensor]]] = {}
        self._probes: list[tuple[int, float, Tensor]] = []
        self._layers: list[tuple[int, Layers, Tensor]] = []
        self._flushed = perf_counter()
        self.last_norm: dict[str, float | None] = {}
        """The newest gradient norm that was published, by its name."""
        self.epoch_loss = 0.0
        self.epoch_samples = 0

    def add(self, step: int, loss: Tensor, rate: float, size: int) -> bool:
        """Keep the (detached) loss of a batch of `size` samples; True when it is time to flush."""
        self._losses.append(loss)
        self._rates.append(rate)
        self._sizes.append(size)
        self._last_step = step
        self._seconds.append(self._watch.read())
        return perf_counter() - self._flushed > FLUSH_SECONDS or len(self._losses) >= MAX_WAITING

    def add_norm(self, step: int, norm: Tensor) -> None:
        """Keep the gradient norm of a step."""
        self._norms.append(norm)
        self._norm_steps.append(step)
        self._norm_seconds.append(self._watch.read())

    def add_beside(self, step: int, name: str, value: Tensor) -> None:
        """Keep another measurement of a step, a scalar."""
        self._beside.setdefault(name, []).append((step, self._watch.read(), value))

    def add_probe(self, step: int, numbers: Tensor) -> None:
        """Keep what a probe of a step measured."""
        self._probes.append((step, self._watch.read(), numbers))

    def add_layers(self, step: int, layers: Layers, norms: Tensor) -> None:
        """Keep what `measure` found of a step."""
        self._layers.append((step, layers, norms))

    def flush(self) -> tuple[int, str, list[float]] | None:
        """Publish what has been kept.

        Returns:
            None, or for the first loss that is not finite its step, what it was, and the finite losses before it. What
            came after that step is not published: those batches were trained on weights that mean nothing.
        """
        self._flushed = perf_counter()
        if not self._losses:
            return None
        losses: list[float] = torch.stack(self._losses).tolist()
        first = self._last_step - len(losses) + 1
        broken = next((index for index, loss in enumerate(losses) if not math.isfinite(loss)), None)
        count = len(losses) if broken is None else broken + 1
        for loss, size in zip(losses[:count], self._sizes, strict=False):
            self.epoch_loss += loss * size
            self.epoch_samples += size
        last = first + count - 1
        seconds = [round(at, 4) for at in self._seconds[:count]]
        self._publish(
            columns(
                last, list(range(first, last + 1)), seconds, {"train_loss": losses[:count], "lr": self._rates[:count]}
            )
        )
        self._flush_norms(last)
        self._flush_beside(last)
        self._flush_probes(last)
        self._flush_layers(last)
        kept = (self._losses, self._rates, self._seconds, self._sizes)
        for column in kept:
            column.clear()
        if broken is None:
            return None
        return last, kind_of(losses[broken]), losses[:broken]

    def _flush_norms(self, last: int) -> None:
        count = sum(step <= last for step in self._norm_steps)
        if count:
            norms: list[float] = torch.stack(self._norms[:count]).tolist()
            seconds = [round(at, 4) for at in self._norm_seconds[:count]]
            self._publish(columns(last, self._norm_steps[:count], seconds, {"grad_norm": norms}))
            self.last_norm = {"grad_norm": norms[-1] if math.isfinite(norms[-1]) else None}
        for column in (self._norms, self._norm_steps, self._norm_seconds):
            column.clear()

    def _flush_beside(self, last: int) -> None:
        """One event for the columns that were measured at the same steps."""
        found: dict[tuple[int, ...], dict[str, list[float]]] = {}
        seconds: dict[tuple[int, ...], list[float]] = {}
        for name, rows in self._beside.items():
            kept = [row for row in rows if row[0] <= last]
            steps = tuple(step for step, _, _ in kept)
            if steps:
                found.setdefault(steps, {})[name] = torch.stack([value for _, _, value in kept]).tolist()
                seconds[steps] = [round(at, 4) for _, at, _ in kept]
        for steps, values in found.items():
            self._publish(columns(last, list(steps), seconds[steps], values))
        self._beside.clear()

    def _flush_probes(self, last: int) -> None:
        """Publish what the probes up to the step `last` measured; a value that says nothing is null."""
        kept = [probe for probe in self._probes if probe[0] <= last]
        self._probes.clear()
        if kept:
            values = columns_of(torch.stack([numbers for _, _, numbers in kept]).tolist())
            steps, seconds = [step for step, _, _ in kept], [round(at, 4) for _, at, _ in kept]
            self._publish(Scalars(step=last, steps=steps, seconds=seconds, values=values))

    def _flush_layers(self, last: int) -> None:
        kept = [found for found in self._layers if found[0] <= last]
        self._layers.clear()
        if kept:
            norms: list[list[list[float]]] = torch.stack([numbers for _, _, numbers in kept]).tolist()
            for (step, layers, _), columns in zip(kept, norms, strict=True):
                self._publish(LayersMeasured(step=step, layers=measured(layers, columns)))

    def epoch_mean(self) -> float:
        """The mean loss of the samples of this epoch so far; begins anew for the next."""
        mean = self.epoch_loss / self.epoch_samples if self.epoch_samples else math.nan
        self.epoch_loss, self.epoch_samples = 0.0, 0
        return mean


def kind_of(value: float) -> str:
    """What a number is that is not finite: nan, inf or -inf."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def columns(
    step: int, steps: list[int], seconds: list[float], values: dict[str, list[float]], cause: AnyCommand | None = None
) -> Scalars:
    """The event of some columns, what is not finite named beside them."""
    lost = {
        name: {index: kind_of(value) for index, value in enumerate(column) if not math.isfinite(value)}
        for name, column in values.items()
    }
    clean: dict[str, list[float | None]] = {
        name: [value if math.isfinite(value) else None for value in column] if lost[name] else list(column)
        for name, column in values.items()
    }
    return Scalars(
        step=step,
        steps=steps,
        seconds=seconds,
        values=clean,
        not_finite={name: positions for name, positions in lost.items() if positions},
        cause=cause,
    )
