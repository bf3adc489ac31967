"""Pauses, steps and stops in any order do what was said, compared with a small model; also after a cut."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.checkpointing.file_format import load, parse, serialise
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir

PER_EPOCH, EPOCHS = 3, 2
CONFIG = tiny_config(
    data={"samples": 20, "batch_size": 6},
    model={"kind": "linear"},
    training={"epochs": EPOCHS, "fast_path": "off", "probe_every": 0, "layers_every": 0},
)
"""A run that is set up and trained in a few milliseconds, so that thousands of sequences can be walked."""

COMMANDS: dict[str, cmd.AnyCommand] = {
    "pause": cmd.Pause(),
    "resume": cmd.Resume(),
    "step": cmd.StepOnce(),
    "step 4": cmd.StepOnce(count=4),
    "stop": cmd.Stop(),
    "stop epoch": cmd.Stop(when="epoch"),
    "longer": cmd.SetEpochs(add=1),
    "rate": cmd.SetLearningRate(factor=0.5),
    "undo": cmd.Undo(),
}
OTHERS: dict[str, cmd.AnyCommand] = {
    "save": cmd.SaveCheckpoint(name="kept"),
    "back": cmd.RollBack(to="kept"),
    "back to best": cmd.RollBack(to="best"),
    "patience": cmd.SetPatience(patience=9),
    "validate": cmd.Evaluate(),
}
"""Commands that leave pauses, steps and stops as they are; they need a run directory."""
ALL = COMMANDS | OTHERS


@dataclass
class Model:
    """The part of a run that these commands change."""

    step: int
    epochs: int = EPOCHS
    paused: bool = False
    allowed: int = 0
    stop: int | None = None
    """The step at which a stop ends the run."""
    undo: list[tuple[str, int | None]] = field(default_factory=list[tuple[str, int | None]])
    hurried: bool = False
    """Whether two stops wait, which cut every validation short."""
    patient: bool = False
    saved: bool = False
    refused: int = 0

    def apply(self, name: str) -> None:
        if not self._apply(name):
            self.refused += 1

    def _apply(self, name: str) -> bool:
        stopping, trained = self.stop == self.step, self.step >= self.epochs * PER_EPOCH
        if name in ("pause", "step", "step 4"):
            if stopping or trained or (name == "pause" and self.paused and not self.allowed):
                return False
            counts = {"pause": -self.allowed, "step": 1, "step 4": 4}
            self.paused, self.allowed = True, self.allowed + counts[name]
        elif name == "resume":
            if not self.paused:
                return False
            self.paused, self.allowed = False, 0
        elif name in ("stop", "stop epoch"):
            if name == "stop epoch":
                self.undo.append((name, self.stop))
            epoch_end = (self.step // PER_EPOCH + 1) * PER_EPOCH
            self.stop = epoch_end if name == "stop epoch" and not trained else self.step
            self.paused, self.allowed = False, 0
        elif name in ("longer", "rate"):
            self.undo.append((name, self.epochs))
            self.epochs += name == "longer"
        elif name == "validate":
            return not self.hurried
        elif name == "save":
            self.saved = True
        elif name == "patience":
            if self.patient:
                return False
            self.undo.append((name, None))
            self.patient = True
        elif name in ("back", "back to best"):
            validated = self.step > PER_EPOCH or (self.step == PER_EPOCH and not self.hurried)
            if not (self.saved if name == "back" else validated):
                return False
            self.undo.append((name, None))
        elif name == "undo":
            if stopping or not self.undo:
                return False
            what, before = self.undo.pop()
            if what == "stop epoch":
                self.stop = before
            elif what == "patience":
                self.patient = False
            elif what in ("longer", "rate"):
                self.epochs = before or 0
        return True

    @property
    def end(self) -> int:
        """The step at which the run ends if it is not paused before."""
        return min(self.epochs * PER_EPOCH, self.stop if self.stop is not None else 10**6)

    @property
    def waits_at(self) -> int | None:
        """The step at which the run waits, None if it ends before."""
        at = self.step + self.allowed
        return at if self.paused and at < self.end else None


def rest(bench: TrainerHarness) -> int | None:
    """Train until the run waits, and return at which step; None if it has ended."""
    run: Any = bench._run
    for busy in run:
        if not busy:
            return bench.trainer.state.step
    return None


def resumed(bench: TrainerHarness) -> TrainerHarness:
    """The same run in another process, from the bytes of a checkpoint of now."""
    bench.flush()
    other = TrainerHarness(CONFIG)
    other.load_state_dict(parse(bytearray(serialise(bench.state_dict() | {"journal": {"bytes": 0}})), "x"))
    return other


def check(names: tuple[str, ...], step: int, folder: RunDir | None = None) -> None:
    bench, model = TrainerHarness(CONFIG, folder), Model(step, hurried=names.count("stop") > 1)
    bench.steps(step)
    for name in names:
        bench.control.put(ALL[name])
        model.apply(name)
    where = rest(bench)
    assert where == model.waits_at
    assert len(bench.of(ev.Refused)) == model.refused
    assert (bench.trainer.services.early_stopper.stopping.patience == 9) == model.patient
    if folder is not None:
        path = folder.checkpoints / "kept.safetensors"
        assert path.exists() == model.saved
        assert not model.saved or load(path)["step"] == step
    said = bench.of(ev.StatusChanged)[-1].status
    if where is None:
        finished = bench.of(ev.RunFinished)[-1]
        assert finished.step == model.end
        assert finished.reason == ("stopped" if model.stop == model.end else "completed")
        tree = bench.state_dict()
        assert not tree["progress"]["paused"]
        return
    assert said == "paused"
    other = resumed(bench)
    assert rest(other) == where
    other.control.put(cmd.Resume())
    assert rest(other) is None
    finished = other.of(ev.RunFinished)[-1]
    assert (finished.step, finished.reason) == (model.end, "stopped" if model.stop == model.end else "completed")


STEPS = (1, 2, 3, 5, 6)


def walk(sequences: Iterable[tuple[str, ...]], step: int, folders: Path | None = None) -> None:
    for index, names in enumerate(sequences):
        folder = None
        if folders is not None:
            folder = RunDir(folders / str(index))
            folder.create("", {}, Owner(1, "here", ""))
        try:
            check(names, step, folder)
        except AssertionError as error:
            raise AssertionError(f"{names} at step {step}: {error}") from error
        finally:
            if folder is not None:
                folder.release()  # a thousand open locks are more descriptors than a process may have


@pytest.mark.parametrize("step", STEPS)
def test_pairs(step):
    walk(product(COMMANDS, repeat=2), step)


@pytest.mark.parametrize("step", STEPS)
def test_a_sample_of_triples_and_longer_sequences(step):
    draw = random.Random(step)
    walk((tuple(draw.choices(list(COMMANDS), k=draw.choice((3, 3, 4, 6)))) for _ in range(60)), step)


@pytest.mark.parametrize("step", [pytest.param(2, marks=pytest.mark.long), 3, pytest.param(6, marks=pytest.mark.long)])
def test_pairs_with_saves_roll_backs_patience_and_validation(step, tmp_path):
    walk((pair for pair in product(ALL, repeat=2) if set(pair) & set(OTHERS)), step, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_longer_sequences_of_all_commands(step, tmp_path):
    draw = random.Random(200 + step)
    walk((tuple(draw.choices(list(ALL), k=draw.randint(3, 12))) for _ in range(200)), step, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_all_triples(step):
    walk(product(COMMANDS, repeat=3), step)


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_many_long_sequences(step):
    draw = random.Random(100 + step)
    walk((tuple(draw.choices(list(COMMANDS), k=draw.randint(4, 12))) for _ in range(80)), step)


@pytest.fixture
def folder(tmp_path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(1, "here", ""))
    return folder


def test_the_rest_of_counted_steps_is_taken_after_a_cut():
    bench = TrainerHarness(CONFIG)
    bench.steps(1)
    bench.control.put(cmd.StepOnce(count=4))
    bench.steps(2)
    assert rest(resumed(bench)) == 5


@pytest.mark.parametrize("before_the_end", [(cmd.Stop(when="epoch"), cmd.Pause()), (cmd.StepOnce(count=100),)])
def test_a_finished_run_that_is_made_longer_does_not_wait(folder, before_the_end):
    bench = TrainerHarness(CONFIG, folder)
    bench.steps(4)
    bench.control.put(before_the_end[0])
    for command in before_the_end[1:]:
        bench.control.put(command)
    if rest(bench) is not None:
        bench.control.put(cmd.Resume())
        assert rest(bench) is None
    longer = TrainerHarness(CONFIG)
    restore_last(longer.trainer.state, longer.trainer.services, folder.checkpoints)
    longer.control.put(cmd.SetEpochs(value=EPOCHS + 1))
    assert rest(longer) is None
    assert longer.trainer.state.step == (EPOCHS + 1) * PER_EPOCH


def test_the_best_weights_come_back_at_the_step_of_the_best_epoch_too(folder):
    bench = TrainerHarness(tiny_config(), folder)
    bench.steps(2)
    bench.control.put(cmd.SaveCheckpoint(name="early"))
    bench.steps(3)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    weights = bench.trainer.state.best_weights
    assert weights is not None
    best = {name: value.clone() for name, value in weights["model"].items()}
    bench.control.put(cmd.RollBack(to="early"))
    bench.control.put(cmd.Stop(restore_best=True))
    assert bench.finish().step == 5
    now = bench.trainer.services.setup.model.state_dict()
    assert all(torch.equal(best[name], value) for name, value in now.items())
