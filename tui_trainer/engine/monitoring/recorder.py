"""Records the measurements of every step: buffered on the device, published a column at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from operator import itemgetter
from time import perf_counter

import torch
from torch import Tensor

from tui_trainer.engine.monitoring.layer_stats import Layers, measured
from tui_trainer.engine.monitoring.step_log import Scalar, StepLog, read
from tui_trainer.engine.monitoring.step_probe import LOSSES, columns_of
from tui_trainer.engine.monitoring.system_load import SystemLoad
from tui_trainer.engine.monitoring.timer import Timer
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent, LayersMeasured, Scalars

FLUSH_SECONDS = 0.2
"""Seconds between two flushes of the buffer: one transfer from the device and one event for all steps in between."""
MAX_FLUSH_SECONDS = 0.5
"""Most seconds between two flushes of a loop that measures itself."""
FLUSH_SHARE = 0.001
"""Share of the time of such a loop that flushes may take, as far as that does not delay them longer."""
MAX_STEPS = 4096
"""Most steps in the buffer, however fast they are."""


@dataclass(slots=True)
class _Buffer:
    """Measurements since the last flush.

    Attributes:
        losses: the loss of every step, on the device.
        rates: the learning rate of every step.
        seconds: seconds of training after every step.
        sizes: samples in the batch of every step.
        norms: (step, seconds, gradient norm).
        scalars: (step, seconds, value) by name.
        probes: (step, seconds, numbers of a step probe).
        layers: (step, layers, norms of `layer_stats.measure`).
        logged: (step, seconds, numbers by name) of a user's own code.
        left_out: steps that were not taken; their losses end no run, and are in no mean.
        steps: number of steps in `logged` that a loop measured itself.
        weights: samples, or another weight, of those among them whose weight is not 1, by step.
    """

    losses: list[Tensor] = field(default_factory=list[Tensor])
    rates: list[float] = field(default_factory=list[float])
    seconds: list[float] = field(default_factory=list[float])
    sizes: list[int] = field(default_factory=list[int])
    norms: list[tuple[int, float, Tensor]] = field(default_factory=list[tuple[int, float, Tensor]])
    scalars: dict[str, list[tuple[int, float, Tensor]]] = field(
        default_factory=dict[str, list[tuple[int, float, Tensor]]]
    )
    probes: list[tuple[int, float, Tensor]] = field(default_factory=list[tuple[int, float, Tensor]])
    layers: list[tuple[int, Layers, Tensor]] = field(default_factory=list[tuple[int, Layers, Tensor]])
    logged: list[tuple[int, float, dict[str, Scalar]]] = field(
        default_factory=list[tuple[int, float, dict[str, Scalar]]]
    )
    steps: int = 0
    weights: dict[int, float] = field(default_factory=dict[int, float])
    left_out: set[int] = field(default_factory=set[int])


class Recorder:
    """Buffers the loss and the learning rate of every step and the measurements of some, and publishes them together.

    Nothing here waits for the device between two flushes: losses stay tensors until then.

    Args:
        publish: receives the events.
        timer: the clock of the training.
        step_log: what a user's own code logs.
    """

    def __init__(self, publish: Callable[[AnyEvent], None], timer: Timer, step_log: StepLog | None = None) -> None:
        self._publish = publish
        self._timer = timer
        self._buffer = _Buffer()
        self.step_log = step_log or StepLog()
        self._last_step = 0
        self._flushed = perf_counter()
        self._interval = FLUSH_SECONDS
        self.last_norm: dict[str, float | None] = {}
        """The newest gradient norm that was published, by its name."""
        self.epoch_loss = 0.0
        """Sum of the losses of all samples of this epoch so far."""
        self.epoch_samples: float = 0
        self.load: SystemLoad | None = None
        """Measures the load of the system with a flush; None where it is not recorded."""
        self.add_seconds = 0.0
        """Seconds that one `add` takes, measured before the first step."""
        self.sum: Callable[[Tensor], Tensor] | None = None
        """Sums over the processes that train together; None for one."""
        self.spent = 0.0
        """Seconds that measuring, publishing and commands have taken from the training."""

    def add(self, step: int, loss: Tensor, rate: float, size: int) -> bool:
        """Buffer the (detached) loss of a batch of `size` samples. Returns True when a flush is due."""
        buffer = self._buffer
        buffer.losses.append(loss)
        buffer.rates.append(rate)
        buffer.sizes.append(size)
        self._last_step = step
        buffer.seconds.append(self._timer.read())
        return perf_counter() - self._flushed > FLUSH_SECONDS or len(buffer.losses) >= MAX_STEPS

    def add_norm(self, step: int, norm: Tensor) -> None:
        """Buffer the gradient norm of a step."""
        self._buffer.norms.append((step, self._timer.read(), norm))

    def add_scalar(self, step: int, name: str, value: Tensor) -> None:
        """Buffer another measurement of a step, a scalar."""
        self._buffer.scalars.setdefault(name, []).append((step, self._timer.read(), value))

    def add_logged(self, step: int, numbers: dict[str, Scalar]) -> None:
        """Buffer what was logged during a step, by name."""
        self._buffer.logged.append((step, self._timer.read(), numbers))

    def add_step(self, step: int, numbers: dict[str, Scalar], weight: float = 1.0) -> bool:
        """Buffer the numbers of a step of a loop that measures itself, its loss as `train_loss` among them.

        Returns:
            True when a flush is due.
        """
        now, buffer = perf_counter(), self._buffer
        buffer.logged.append((step, self._timer.at(now), numbers))
        buffer.steps += 1
        if weight != 1.0:
            buffer.weights[step] = weight
        self._last_step = step
        return now - self._flushed > self._interval or buffer.steps >= MAX_STEPS

    def reweigh(self, step: int, weight: float) -> None:
        """Set the weight of the loss of a step in the buffer."""
        self._buffer.weights[step] = weight

    def add_probe(self, step: int, numbers: Tensor) -> None:
        """Buffer the numbers of a step probe."""
        self._buffer.probes.append((step, self._timer.read(), numbers))

    def add_layers(self, step: int, layers: Layers, norms: Tensor) -> None:
        """Buffer what `layer_stats.measure` returned for a step."""
        self._buffer.layers.append((step, layers, norms))

    def leave_out(self, step: int) -> None:
        """Keep the loss of a step that was not taken out of the mean of its epoch; it may not be finite."""
        self._buffer.left_out.add(step)

    def newest_norm(self, step: int) -> Tensor | None:
        """Return the gradient norm of a step, if it was buffered last."""
        norms = self._buffer.norms
        return norms[-1][2] if norms and norms[-1][0] == step else None

    def newest(self, step: int, names: Collection[str]) -> dict[str, float]:
        """Return the values of a step that are in the buffer, by name. Waits for the device."""
        buffer, values = self._buffer, dict[str, Scalar]()
        for at, _, logged in reversed(buffer.logged):
            if at != step:
                break
            values |= {name: logged[name] for name in names if name in logged}
        if buffer.losses and self._last_step == step:
            values |= {"train_loss": buffer.losses[-1], "lr": buffer.rates[-1]}
        for name in buffer.scalars.keys() & set(names):
            at, _, value = buffer.scalars[name][-1]
            if at == step:
                values[name] = value
        found = {name: float(values[name]) for name in names if name in values}
        if buffer.probes and buffer.probes[-1][0] == step:
            probe = columns_of([buffer.probes[-1][2].tolist()])
            found |= {name: math.nan if (value := probe[name][0]) is None else value for name in names if name in probe}
        if buffer.layers and buffer.layers[-1][0] == step and any("/" in name for name in names):
            for layer, seen in measured(buffer.layers[-1][1], buffer.layers[-1][2].tolist()).items():
                for measure in ("grad_norm", "update_ratio"):
                    if f"{measure}/{layer}" in names:
                        value = getattr(seen, measure)
                        found[f"{measure}/{layer}"] = math.nan if value is None else value
        return found

    def flush(
        self, *, cut: bool = True, excused: Callable[[], bool] = lambda: False
    ) -> tuple[int, str, list[float]] | None:
        """Publish the buffer.

        Args:
            excused: asked where a loss is not finite; True where it does not end the run.
            cut: leave out the steps after a loss that is not finite: they were trained on meaningless weights.

        Returns:
            None, or for the first loss that is not finite its step, its kind, and the finite losses before it.
        """
        self._flushed = perf_counter()
        buffer = self._buffer
        if not buffer.losses:
            return self._flush_logged(buffer)
        self._buffer = _Buffer()
        stacked = torch.stack(buffer.losses)
        losses: list[float] = (stacked if self.sum is None else self.sum(stacked)).tolist()
        first = self._last_step - len(losses) + 1
        finite = all(map(math.isfinite, losses))
        lost = [] if finite else [index for index, loss in enumerate(losses) if not math.isfinite(loss)]
        left_out = {step - first for step in buffer.left_out}
        broken = next((index for index in lost if index not in left_out), None)
        if broken is not None and excused():
            broken, left_out = None, left_out.union(lost)
        count = len(losses) if broken is None else broken + 1
        for index, (loss, size) in enumerate(zip(losses[:count], buffer.sizes, strict=False)):
            if index not in left_out:
                self.epoch_loss += loss * size
                self.epoch_samples += size
        last = first + count - 1
        seconds = [round(at, 4) for at in buffer.seconds[:count]]
        values = {"train_loss": losses[:count], "lr": buffer.rates[:count]}
        self._publish(columns(last, list(range(first, last + 1)), seconds, values))
        self._publish_norms(buffer, last)
        self._publish_scalars(buffer, last)
        self._publish_logged(buffer, last)
        self._publish_probes(buffer, last)
        self._publish_layers(buffer, last)
        if broken is None:
            self._publish_load(last, seconds[-1], len(losses))
            return None
        return last, kind_of(losses[broken]), losses[:broken]

    def _publish_load(self, last: int, seconds: float, steps: int) -> None:
        """Publish the load of the system where a reading is due."""
        if self.load is None:
            return
        self.spent += perf_counter() - self._flushed + self.add_seconds * steps
        if load := self.load.due():
            self._publish(columns(last, [last], [seconds], {name: [value] for name, value in load.items()}))

    def _flush_logged(self, buffer: _Buffer) -> tuple[int, str, list[float]] | None:
        """Publish the steps of a loop that measures itself; none of them is left out."""
        if not buffer.steps:
            return None
        last = self._last_step
        self._buffer = _Buffer(  # what was measured of the step that is being taken waits for its numbers
            norms=[row for row in buffer.norms if row[0] > last],
            left_out={step for step in buffer.left_out if step > last},
        )
        named = self._publish_logged(buffer, last)
        self._publish_norms(buffer, self._last_step)
        taken = (perf_counter() - self._flushed) / FLUSH_SHARE
        self._interval = min(max(taken, FLUSH_SECONDS), MAX_FLUSH_SECONDS)
        self._publish_load(self._last_step, round(buffer.logged[-1][1], 4), len(buffer.logged))
        steps, _, losses = named.get("train_loss", ([], [], []))
        taken_steps = [(step, loss) for step, loss in zip(steps, losses, strict=True) if step not in buffer.left_out]
        for step, loss in taken_steps:
            weight = buffer.weights.get(step, 1.0) if buffer.weights else 1.0
            self.epoch_loss += loss * weight
            self.epoch_samples += weight
        broken = first_not_finite([loss for _, loss in taken_steps])
        if broken is None:
            return None
        step, loss = taken_steps[broken]
        return step, kind_of(loss), losses[: steps.index(step)]

    def _publish_norms(self, buffer: _Buffer, last: int) -> None:
        rows = [row for row in buffer.norms if row[0] <= last]
        if rows:
            norms: list[float] = torch.stack([norm for _, _, norm in rows]).tolist()
            steps, seconds = [step for step, _, _ in rows], [round(at, 4) for _, at, _ in rows]
            self._publish(columns(last, steps, seconds, {"grad_norm": norms}))
            self.last_norm = {"grad_norm": norms[-1] if math.isfinite(norms[-1]) else None}

    def _publish_scalars(self, buffer: _Buffer, last: int) -> None:
        """Publish one event for all columns that were measured at the same steps."""
        values: dict[tuple[int, ...], dict[str, list[float]]] = {}
        seconds: dict[tuple[int, ...], list[float]] = {}
        for name, column in buffer.scalars.items():
            rows = [row for row in column if row[0] <= last]
            steps = tuple(step for step, _, _ in rows)
            if steps:
                values.setdefault(steps, {})[name] = torch.stack([value for _, _, value in rows]).tolist()
                seconds[steps] = [round(at, 4) for _, at, _ in rows]
        for steps, named in values.items():
            self._publish(columns(last, list(steps), seconds[steps], named))

    def _publish_logged(self, buffer: _Buffer, last: int) -> dict[str, tuple[list[int], list[float], list[float]]]:
        """Publish one event for all names that were logged at the same steps. Returns steps, seconds and values."""
        rows = [row for row in buffer.logged if row[0] <= last]
        if not rows:
            return {}
        numbers = [row[2] for row in rows]
        common = _common_names(numbers)
        steps, seconds = [row[0] for row in rows], [round(row[1], 4) for row in rows]
        named = {name: (steps, seconds, read(list(map(itemgetter(name), numbers)))) for name in common}
        if named:
            self._publish(columns(last, steps, seconds, {name: column for name, (_, _, column) in named.items()}))
        if set(map(len, numbers)) != {len(common)}:
            rest = [(step, at, {name: row[name] for name in row if name not in common}) for step, at, row in rows]
            named |= self._publish_sparse(rest, last)
        return named

    def _publish_sparse(
        self, rows: list[tuple[int, float, dict[str, Scalar]]], last: int
    ) -> dict[str, tuple[list[int], list[float], list[float]]]:
        """Publish the names that some rows have and others do not, one event for all that have the same steps."""
        numbers = iter(read([value for _, _, logged in rows for value in logged.values()]))
        named: dict[str, tuple[list[int], list[float], list[float]]] = {}
        for step, at, logged in rows:
            for name in logged:
                steps, seconds, values = named.setdefault(name, ([], [], []))
                steps.append(step)
                seconds.append(round(at, 4))
                values.append(next(numbers))
        events: dict[tuple[int, ...], tuple[list[float], dict[str, list[float]]]] = {}
        for name, (steps, seconds, values) in named.items():
            events.setdefault(tuple(steps), (seconds, {}))[1][name] = values
        for steps, (seconds, values) in events.items():
            self._publish(columns(last, list(steps), seconds, values))
        return named

    def _publish_probes(self, buffer: _Buffer, last: int) -> None:
        """Publish the numbers of step probes; those that could not be measured are null."""
        rows = [row for row in buffer.probes if row[0] <= last]
        if rows:
            stacked = torch.stack([numbers for _, _, numbers in rows])
            if self.sum is not None:  # a process knows its part of the loss, and all of the gradient
                stacked[:, LOSSES] = self.sum(stacked[:, LOSSES])
            values = columns_of(stacked.tolist())
            steps, seconds = [step for step, _, _ in rows], [round(at, 4) for _, at, _ in rows]
            self._publish(Scalars(step=last, steps=steps, seconds=seconds, values=values))

    def _publish_layers(self, buffer: _Buffer, last: int) -> None:
        rows = [row for row in buffer.layers if row[0] <= last]
        if rows:
            norms: list[list[list[float]]] = torch.stack([numbers for _, _, numbers in rows]).tolist()
            for (step, layers, _), columns in zip(rows, norms, strict=True):
                self._publish(LayersMeasured(step=step, layers=measured(layers, columns)))

    def epoch_mean(self) -> float:
        """Return the mean loss over the samples of this epoch, and start over for the next."""
        mean = self.epoch_loss / self.epoch_samples if self.epoch_samples else math.nan
        self.epoch_loss, self.epoch_samples = 0.0, 0
        return mean

    def load_epoch(self, loss: float, samples: float) -> None:
        """Continue the sums of an epoch from here, with an empty buffer."""
        self._buffer = _Buffer()
        self.epoch_loss, self.epoch_samples = loss, samples


def _common_names(rows: list[dict[str, Scalar]]) -> list[str]:
    """Return the names that every row has, in the order of the first."""
    names = set(map(tuple, rows))
    first = list(rows[0])
    return first if len(names) == 1 else [name for name in first if all(name in row for row in names)]


def seconds_of_add(steps: int = 200) -> float:
    """Measure how long one `Recorder.add` takes on this machine: too short to be timed in each step."""
    timer = Timer()
    timer.start()
    recorder, loss = Recorder(lambda event: None, timer), torch.zeros(())
    began = perf_counter()
    for step in range(steps):
        recorder.add(step, loss, 0.0, 1)
    return (perf_counter() - began) / steps


def first_not_finite(values: list[float]) -> int | None:
    """Return the index of the first number that is not finite; None if all are."""
    if all(map(math.isfinite, values)):
        return None
    return next(index for index, value in enumerate(values) if not math.isfinite(value))


def kind_of(value: float) -> str:
    """Return the kind of a number that is not finite: nan, inf or -inf."""
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def columns(
    step: int, steps: list[int], seconds: list[float], values: dict[str, list[float]], cause: AnyCommand | None = None
) -> Scalars:
    """Return the event of some columns: numbers that are not finite are None, with their kind in `not_finite`."""
    clean: dict[str, list[float | None]] = dict(values)  # pyright: ignore[reportAssignmentType]
    not_finite: dict[str, dict[int, str]] = {}
    for name, column in values.items():
        if not all(map(math.isfinite, column)):
            clean[name] = [value if math.isfinite(value) else None for value in column]
            not_finite[name] = {index: kind_of(value) for index, value in enumerate(column) if not math.isfinite(value)}
    return Scalars.model_construct(  # checking each number again takes half of the time of a flush
        step=step,
        steps=steps,
        seconds=seconds,
        values=clean,
        not_finite=not_finite,
        cause=cause,
    )
