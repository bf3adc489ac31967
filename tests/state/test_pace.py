"""The time left is that of training to the planned end, within a factor of two."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.runs.sample_journals import restored_to
from tests.ui.fake_session import started
from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.panels.progress import set_time_left_text

History = Iterator[tuple[float, ev.AnyEvent]]
"""Events, each with the seconds of training that the run still takes by its present plan and pace."""


def history(
    epochs: int = 20,
    steps: int = 100,
    step_seconds: Callable[[int], float] = lambda step: 0.1,
    end_seconds: Callable[[int], float] = lambda epoch: 10.0,
    chunk: int = 1,
    every: int = 1,
) -> History:
    """Return the events of a run, with its true time left after each of them."""
    costs = [step_seconds(step) for step in range(1, epochs * steps + 1)]
    ends = [end_seconds(epoch) for epoch in range(1, epochs + 1)]
    left, at, seconds = sum(costs) + sum(ends), 0.0, list[float]()
    yield left, started(steps_per_epoch=steps, epochs=epochs)
    yield left, ev.StatusChanged(status="running")
    for step in range(1, epochs * steps + 1):
        at, left = at + costs[step - 1], left - costs[step - 1]
        seconds.append(at)
        if len(seconds) == chunk or step % steps == 0:
            numbers = list(range(step - len(seconds) + 1, step + 1))
            losses: list[float | None] = [1.0] * len(numbers)
            yield left, ev.Scalars(step=step, steps=numbers, seconds=seconds, values={"train_loss": losses})
            seconds = []
        if step % steps == 0:
            epoch = step // steps
            at, left = at + ends[epoch - 1], left - ends[epoch - 1]
            validated = epoch % every == 0 or epoch == epochs
            metrics: dict[str, float | None] = {"val_loss": 1.0} if validated else {"train_loss": 1.0}
            yield left, ev.EpochEnded(step=step, epoch=epoch, seconds=at, metrics=metrics)


def play(state: RunState, event: ev.AnyEvent) -> None:
    state.apply(event.model_copy(update={"seq": state.seq + 1, "at": "2026-01-01T00:00:00+00:00", "run": "r"}))


HISTORIES: dict[str, Callable[[], History]] = {
    "slow validation": history,
    "fast steps": lambda: history(steps=3000, step_seconds=lambda step: 1e-3, end_seconds=lambda epoch: 4.0, chunk=200),
    "slow steps": lambda: history(steps=7, step_seconds=lambda step: 30.0, end_seconds=lambda epoch: 100.0),
    "one step for an epoch": lambda: history(epochs=100, steps=1, end_seconds=lambda epoch: 1.0),
    "a validation every five epochs": lambda: history(
        epochs=100, end_seconds=lambda epoch: 50.0 if epoch % 5 == 0 else 0.0, every=5
    ),
    "a first step and a first validation that compile": lambda: history(
        step_seconds=lambda step: 60.0 if step == 1 else 0.1, end_seconds=lambda epoch: 5.0 if epoch == 1 else 2.0
    ),
    "half the pace from the middle on": lambda: history(step_seconds=lambda step: 0.1 if step <= 1000 else 0.2),
    "twice the pace from the middle on": lambda: history(step_seconds=lambda step: 0.1 if step <= 1000 else 0.05),
    "an uneven pace": lambda: history(step_seconds=lambda step: 3.0 if step % 20 == 0 else 0.05),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_time_left_is_within_a_factor_of_two(name: str) -> None:
    state, said = RunState(run="r"), 0
    for true, event in HISTORIES[name]():
        play(state, event)
        left = state.seconds_left()
        if left is None:
            early = state.step < 0.05 * state.total_steps or not state.pace.validated
            assert early, (state.step, true)
            assert not set_time_left_text([state]) or set_time_left_text([state]).startswith("about ")
            continue
        said += 1
        assert true / 2 - 0.5 <= left <= true * 2 + 0.5, (state.step, left, true)
    assert said > 10


def test_a_resumed_run_forgets_the_pace_of_the_other_machine() -> None:
    state = RunState(run="r")
    for _, event in history():
        play(state, event)
        if state.step == 1050:
            break
    seconds = state.seconds
    play(state, started(steps_per_epoch=100, epochs=20).model_copy(update={"step": 1050}))
    play(state, ev.StatusChanged(status="running"))
    assert state.seconds_left() is None
    for step in range(1051, 1100):
        seconds += 1.0
        play(state, ev.Scalars(step=step, steps=[step], seconds=[seconds], values={"train_loss": [1.0]}))
        if step > 1051:
            assert state.seconds_left() == pytest.approx(2000 - step + 100, rel=0.05)


def test_more_epochs_and_a_roll_back_count_to_the_planned_end() -> None:
    state = RunState(run="r")
    for _, event in history():
        play(state, event)
        if state.epoch == 10:
            break
    assert state.seconds_left() == pytest.approx(200, rel=0.02)
    play(state, ev.SettingChanged(step=1000, name="epochs", value=40, previous=20))
    assert state.seconds_left() == pytest.approx(600, rel=0.02)
    plan = LrPlan.begin(Constant(), 0.1, step=0, end=2000, steps_per_epoch=100)
    restored = restored_to(plan, 500, 5, 20).model_copy(update={"seconds": 100.0})
    play(state, ev.RolledBack(step=500, to="before", from_epoch=5, restored=restored))
    assert state.seconds_left() == pytest.approx(300, rel=0.02)


def test_the_pace_is_that_of_the_steps() -> None:
    state = RunState(run="r")
    for _, event in history():
        play(state, event)
        if state.step > 2:
            assert state.steps_per_second() == pytest.approx(10, rel=0.01)
