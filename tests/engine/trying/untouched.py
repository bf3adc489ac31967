"""Compare runs to the bit: with something tried on the way, and without."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tests.support import TrainerHarness
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory, first_difference


def bits(tree: Any) -> Any:
    """Return a tree with every tensor as its type and bytes, and without the clock."""
    if isinstance(tree, torch.Tensor):
        return str(tree.dtype), tuple(tree.shape), tree.detach().cpu().contiguous().flatten().view(torch.uint8).tolist()
    if isinstance(tree, dict):
        return {key: bits(value) for key, value in tree.items() if key != "seconds"}
    if isinstance(tree, list | tuple):
        return [bits(value) for value in tree]
    return repr(tree)


def record_of(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


def check_untouched(config: Any, steps: int, trial: cmd.Command, check: Callable[[ev.Event], None]) -> None:
    """Compare a run with a trial, state and every later number, with one without it; `check` looks at the answer."""
    plain = TrainerHarness(config)
    plain.finish()
    bench = TrainerHarness(config)
    bench.steps(steps)
    bench.control.put(cmd.Pause())
    bench.steps(1)
    apply_schedule(bench.trainer.state, bench.trainer.services)  # as the coming step will: a trial ends so too
    before = bits(bench.state_dict())
    drawn = np.random.get_state()[1].tolist(), random.getstate()
    bench.control.put(trial)
    bench.steps(1)
    (answer,) = [event for event in bench.events if event.cause is not None and event.cause.id == trial.id]
    check(answer)
    assert bits(bench.state_dict()) == before
    assert (np.random.get_state()[1].tolist(), random.getstate()) == drawn
    bench.control.put(cmd.Resume())
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert bits(plain.state_dict()["model"]) == bits(bench.state_dict()["model"])
    assert bits(plain.state_dict()["optimizer"]) == bits(bench.state_dict()["optimizer"])
