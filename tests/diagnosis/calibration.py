"""Score the diagnosis: train runs whose illness is known from elsewhere, and count what it found of each.

The labels do not repeat the rules. A rate is too low or too high if the same run with another rate ends far lower; a
run overfits if its loss on a test split rises; units are dead if they are silent on all training samples; bad starts
are built in. `python -m tests.diagnosis.calibration record FOLDER` trains the runs, `score FOLDER` replays their
journals through the rules, so that two versions of the rules are scored on the same events.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

import torch

from tui_trainer.config.run_config import RunConfig
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.evaluate import evaluate
from tui_trainer.engine.multi_run import train_runs
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event

DATA: dict[str, dict[str, Any]] = {
    "digits": {"kind": "digits", "batch_size": 32, "clip": 5.0},
    "cancer": {"kind": "breast-cancer", "batch_size": 32},
    "wine": {"kind": "wine", "batch_size": 16},
    "moons": {"kind": "moons", "samples": 400, "noise": 0.2, "batch_size": 32},
}
FACTORS = (0.1, 0.33, 3.0, 10.0, 30.0)
"""Other rates with which a run is repeated."""


def _optimizer(kind: str, lr: float, **more: Any) -> dict[str, Any]:
    return {"optimizer": {"kind": kind, "lr": lr, **more}}


def _model(lr: float, *hidden: int, **more: Any) -> dict[str, Any]:
    return {"model": {"kind": "mlp", "hidden": list(hidden), **more}, **_optimizer("sgd", lr)}


CONFIGURATIONS: dict[str, dict[str, Any]] = {
    **{f"sgd-{lr:g}": _optimizer("sgd", lr) for lr in (1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0)},
    **{f"momentum-{lr:g}": _optimizer("sgd", lr, momentum=0.9) for lr in (1e-3, 0.03, 0.3, 1.0)},
    **{f"adam-{lr:g}": _optimizer("adam", lr) for lr in (1e-4, 1e-3, 1e-2, 0.1, 1.0)},
    **{f"adagrad-{lr:g}": _optimizer("adagrad", lr) for lr in (1e-3, 0.01, 0.1)},
    "rmsprop-0.001": _optimizer("rmsprop", 1e-3),
    "cosine-0.3": {**_optimizer("sgd", 0.3), "scheduler": {"kind": "cosine"}},
    "one-cycle-0.3": {**_optimizer("sgd", 0.3), "scheduler": {"kind": "one-cycle"}},
    "wide-adam": {"model": {"kind": "mlp", "hidden": [256, 256]}, **_optimizer("adam", 3e-3)},
    "narrow": _model(0.1, 1),
    "noisy": {"noise": {"label_noise": 0.3}, **_optimizer("sgd", 0.1)},
    "noisy-high": {"noise": {"label_noise": 0.3}, **_optimizer("sgd", 1.0)},
    "vanish: deep sigmoid": _model(0.1, *[32] * 5, activation="sigmoid", init="xavier-uniform"),
    "vanish: tiny start": _model(0.1, *[64] * 4, init={"kind": "normal", "std": 0.01}),
    "explode: loud start": _model(1e-3, *[64] * 4, init={"kind": "normal", "std": 1.0}),
    "nograd: sign": _model(0.1, 32, 32, activation="sign"),
    "nograd: zeros": _model(0.1, 32, 32, init="zeros"),
}
BUILT_IN = {"vanish": "VANISH", "explode": "EXPLODE", "nograd": "NOGRAD"}


def configuration(name: str, data: str, seed: int, epochs: int = 30, factor: float = 1.0) -> RunConfig:
    """Return one run of the set, with its rate multiplied by `factor`."""
    tables = dict(CONFIGURATIONS[name])
    noise = tables.pop("noise", {})
    optimizer = dict(tables.pop("optimizer"))
    optimizer["lr"] *= factor
    table = {
        "data": {**DATA[data], "validation": 0.15, "test": 0.15, **noise},
        "model": {"kind": "mlp", "hidden": [64]},
        "optimizer": optimizer,
        "training": {"epochs": epochs, "device": "cpu", "threads": 1, "seed": seed},
        "early_stopping": {"enabled": False},
        **tables,
    }
    return RunConfig.model_validate(table)


@dataclass(slots=True)
class Recording:
    """One run: its events, and what the rules do not see."""

    events: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    test: list[float] = field(default_factory=list[float])
    """Loss on the test split after each epoch."""
    train: list[float] = field(default_factory=list[float])
    """Loss on the training split after each epoch, without dropout or noise of batches."""
    dead: list[float] = field(default_factory=list[float])
    """Largest share of a layer's units that are silent on all training samples, after each epoch."""

    @property
    def last(self) -> float:
        """The training loss at the end; infinity where it left the numbers."""
        return self.train[-1] if self.train and not self.broke else math.inf

    @property
    def broke(self) -> bool:
        """Whether a non-finite loss ended the run."""
        return any(isinstance(event, ev.LossBroke) for event in self.events)


def record(config: RunConfig, *, only_loss: bool = False) -> Recording:
    """Train one run to its end."""
    recording, trainer = Recording(), None
    wake = threading.Event()

    def publish(event: ev.AnyEvent) -> None:
        if not isinstance(event, ev.Diagnosed):
            recording.events.append(event)
        if isinstance(event, ev.EpochEnded) and trainer is not None:
            setup = trainer.services.setup
            for split, losses in ((setup.data.train, recording.train), (setup.data.test, recording.test)):
                if split is not None and not (only_loss and split is setup.data.test):
                    measured = evaluate(setup.model, setup.objective, setup.data, split)
                    losses.append((measured or {}).get("loss", math.inf))
            if not only_loss:
                recording.dead.append(_dead(setup.model, setup.data.train.inputs))

    trainer = Trainer("run", config, publish, CommandQueue(wake))
    trainer.set_up()
    trainer.begin(None)
    train_runs([trainer], wake)
    return recording


def _dead(model: torch.nn.Module, inputs: torch.Tensor) -> float:
    shares = [0.0]

    def see(_layer: torch.nn.Module, _given: tuple[torch.Tensor, ...], outputs: torch.Tensor) -> None:
        shares.append((outputs.amax(0) <= 0).float().mean().item())

    hooks = [layer.register_forward_hook(see) for layer in model.modules() if isinstance(layer, torch.nn.ReLU)]
    training = model.training
    model.eval()
    with torch.no_grad():
        model(inputs)
    model.train(training)
    for hook in hooks:
        hook.remove()
    return max(shares)


def labels(name: str, run: Recording, others: dict[float, float]) -> set[str]:
    """Return what is wrong with a run: `others` are the final losses with other rates, by factor."""
    started = next(event for event in run.events if isinstance(event, ev.RunStarted))
    chance, guessing = started.chance or 1.0, started.guessing or 1.0
    built_in = BUILT_IN.get(name.split(":")[0])
    wrong = {built_in} if built_in else set[str]()
    if run.broke:
        wrong.add("NAN")
    better = {factor for factor, loss in others.items() if loss < 0.6 * run.last and loss < run.last - 0.05 * chance}
    best = min(better, key=lambda factor: others[factor], default=None)
    if built_in is None and best is not None:
        wrong.add("LR_LOW" if best > 1 else "LR_HIGH")
    if built_in is None and run.broke:
        wrong.add("LR_HIGH")
    smooth = [median(run.test[max(at - 2, 0) : at + 1]) for at in range(len(run.test))]
    if smooth and smooth[-1] > 1.15 * min(smooth) and smooth[-1] > min(smooth) + 0.03 and "LR_HIGH" not in wrong:
        wrong.add("OVERFIT")
    if max(run.dead, default=0.0) > 0.5 and run.last > 0.1 * chance:
        wrong.add("DEAD")
    if len(run.train) >= 4 and any(a > 0.93 * guessing and b > 0.93 * guessing for a, b in pairwise(run.train[3:])):
        wrong.add("STUCK")
    if name == "narrow" and run.last > 0.25 * chance:
        wrong.add("UNDERFIT")
    return wrong


COUNTED = ("NAN", "EXPLODE", "NOGRAD", "DEAD", "VANISH", "STUCK", "LR_HIGH", "LR_LOW", "OVERFIT", "UNDERFIT")


@dataclass(slots=True)
class Score:
    """Counts over runs.

    Attributes:
        counts: true, false and missed findings, by name.
        healthy: healthy runs that show a finding at their end, and all of them.
        sick: sick runs that ever showed a finding, and all of them.
        switches: the most changes of findings in a run, and their mean.
    """

    counts: dict[str, list[int]] = field(default_factory=lambda: {name: [0, 0, 0] for name in COUNTED})
    healthy: list[int] = field(default_factory=lambda: [0, 0])
    sick: list[int] = field(default_factory=lambda: [0, 0])
    switches: list[int] = field(default_factory=list[int])

    def add(self, wrong: set[str], said: list[ev.Diagnosed]) -> None:
        """Count one run."""
        shown = {each.finding for each in said if each.active}
        for name, count in self.counts.items():
            count[0] += name in shown and name in wrong
            count[1] += name in shown and name not in wrong
            count[2] += name not in shown and name in wrong
        last: dict[str, bool] = {}
        for each in said:
            last[each.finding] = each.active
        if wrong:
            self.sick[0] += bool(shown)
            self.sick[1] += 1
        else:
            self.healthy[0] += any(active for name, active in last.items() if name != "STOPPED_TOO_SOON")
            self.healthy[1] += 1
        self.switches.append(len(said))

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        yield f"{'finding':10} {'right':>6} {'false':>6} {'missed':>6}  precision  recall"
        for name, (right, false, missed) in self.counts.items():
            precision = f"{right / (right + false):.2f}" if right + false else "-"
            recall = f"{right / (right + missed):.2f}" if right + missed else "-"
            yield f"{name:10} {right:6} {false:6} {missed:6}  {precision:>9}  {recall:>6}"
        yield f"healthy runs with a finding at the end: {self.healthy[0]} of {self.healthy[1]}"
        yield f"sick runs that showed a finding: {self.sick[0]} of {self.sick[1]}"
        yield f"changes of findings in a run: at most {max(self.switches)}, mean {fmean(self.switches):.1f}"


def said_of(events: list[ev.AnyEvent]) -> list[ev.Diagnosed]:
    """Return what the diagnosis says of these events, without newer evidence of what it said before."""
    monitor = DiagnosisMonitor()
    return [said for event in events for said in monitor.take(event) if not said.again]


def record_all(folder: Path, seeds: list[int]) -> None:
    """Train the whole set into a folder: a journal for each run, and the labels of all."""
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, list[str]] = {}
    for seed in seeds:
        for data in DATA:
            for name in CONFIGURATIONS:
                run = record(configuration(name, data, seed))
                others = {
                    factor: record(configuration(name, data, seed, factor=factor), only_loss=True).last
                    for factor in (FACTORS if name.split(":")[0] not in BUILT_IN else ())
                }
                key = f"{data}-{name.replace(': ', '-').replace(' ', '-')}-{seed}"
                known[key] = sorted(labels(name, run, others))
                (folder / f"{key}.jsonl").write_bytes(b"".join(map(encode_event, run.events)))
                print(key, known[key], flush=True)
    (folder / f"labels-{'-'.join(map(str, seeds))}.json").write_text(json.dumps(known, indent=1))


def score_all(folder: Path) -> Iterator[str]:
    """Yield the scores of the recorded runs: digits, and the other data sets."""
    known: dict[str, list[str]] = {}
    for path in folder.glob("labels-*.json"):
        known |= json.loads(path.read_text())
    for title, digits in (("digits", True), ("other data", False)):
        score = Score()
        for key, wrong in known.items():
            if key.startswith("digits") is digits:
                lines = (folder / f"{key}.jsonl").read_bytes().split(b"\n")
                score.add(set(wrong), said_of([decode_event(line) for line in lines if line]))
        yield f"-- {title}: {len(score.switches)} runs"
        yield from score.lines()


if __name__ == "__main__":
    if sys.argv[1] == "record":
        record_all(Path(sys.argv[2]), [int(seed) for seed in sys.argv[3:] or ["0"]])
    else:
        print("\n".join(score_all(Path(sys.argv[2]))))
