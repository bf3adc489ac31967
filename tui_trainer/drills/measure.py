"""Train the known good run and the reference solution of drills, and measure what they reach. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.drill import Act, Drill, DrillMeasurement, LossSpread, cause_note
from tui_trainer.drills.library import load_drill
from tui_trainer.drills.score import Score, losses, score, spent
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.commands import AnyCommand, Note, Stop
from tui_trainer.runs.history import RunHistory

_ONE = LossSpread(mean=1, least=1, most=1)
_UNKNOWN = DrillMeasurement(seeds=1, good=_ONE, solved=_ONE, steps=1, interventions=0)
"""Stands for the reference solution while it is measured."""


def play(name: str, acts: Sequence[Act], seed: int, *, cause: str = "", overrides: Sequence[str] = ()) -> RunHistory:
    """Train a drill with some acts at their steps, and return the history of the last start.

    Args:
        name: the drill.
        acts: commands, or new starts, in their order.
        seed: of the run.
        cause: the cause to name one step before the first act; empty to name none.
        overrides: further settings, as on the command line.
    """
    changes = [f"training.seed={seed}", *overrides]
    cut = next((index for index, act in enumerate(acts) if act.again), len(acts))
    script: list[tuple[int, AnyCommand]] = []
    if cause:
        script.append((max(acts[0].step - 1, 0) if acts else 0, _note(cause_note(cause))))
    script += [(act.step, _command(act)) for act in acts[:cut]]
    if cut == len(acts):
        return _train(name, changes, script)
    history = _train(name, changes, [*script, (acts[cut].step, Stop(by="drill"))])
    changes.append(acts[cut].again)
    carried = spent(history)
    carried.named = carried.named or cause  # the run may have ended before the step at which it would be named
    notes: list[tuple[int, AnyCommand]] = [(0, _note(text)) for text in carried.notes()]
    rest: list[tuple[int, AnyCommand]] = [(act.step, _command(act)) for act in acts[cut + 1 :] if not act.again]
    return _train(name, changes, [*notes, *rest])


def _command(act: Act) -> AnyCommand:
    words = act.command.split()
    return parse_command(words[0], words[1:]).model_copy(update={"by": "drill", "id": f"{act.step} {act.command}"})


def _note(text: str) -> Note:
    return Note(text=text, by="drill", id=text)


def _train(name: str, changes: Sequence[str], script: Sequence[tuple[int, AnyCommand]]) -> RunHistory:
    config = load(name, changes).first
    return TrainingCache(config.training.seed).train(config, name, script=script).record


def good_loss(name: str, drill: Drill, seed: int) -> float:
    """Return the loss that the known good run reaches at its end."""
    history = _train(name, [f"training.seed={seed}", *drill.good], ())
    return list(losses(history, drill).values())[-1]


def measure(names: Sequence[str], seeds: Sequence[int], tell: Callable[[str], None]) -> dict[str, Any]:
    """Return the measurement of each drill as JSON values.

    Args:
        names: the drills.
        seeds: to train with.
        tell: takes a line when a training begins.
    """
    found: dict[str, Any] = {}
    for name in names:
        drill = load_drill(name)
        good: list[float] = []
        solved: list[Score] = []
        for seed in seeds:
            tell(f"{name}: seed {seed}: the known good run")
            good.append(good_loss(name, drill, seed))
        target = _UNKNOWN.model_copy(update={"good": _spread(good)})
        for seed in seeds:
            tell(f"{name}: seed {seed}: the reference solution")
            solved.append(score(play(name, drill.solution, seed, cause=drill.cause), target, name))
            if not solved[-1].recovered:
                tell(f"{name}: seed {seed}: the reference solution does not recover: {solved[-1].remark}")
        steps = [one.steps if one.steps is not None else math.nan for one in solved]
        found[name] = DrillMeasurement(
            seeds=len(seeds),
            good=_spread(good),
            solved=_spread([one.loss for one in solved]),
            steps=round(fmean(steps)),
            interventions=max(one.interventions for one in solved),
        ).model_dump()
    return found


def _spread(values: Sequence[float]) -> LossSpread:
    mean, least, most = (float(f"{value:.4g}") for value in (fmean(values), min(values), max(values)))
    return LossSpread(mean=mean, least=least, most=most)


__all__ = ["good_loss", "measure", "play"]
