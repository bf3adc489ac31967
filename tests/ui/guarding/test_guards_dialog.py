"""The guards on the screen: a line with its dry run and its chart, and the list of those that there are."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.fake_session import FakeSession, app_over, play, press, running, screen_text, until
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.guards.events import GuardState
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.model import MarkerLine
from tui_trainer.ui.guarding.preview import guard_chart, known_metrics, preview

GUARDS = (
    GuardState(name="guard-1", rule="when val_loss rises 3 epochs: lr x0.5", fired=1, left=4, last=120),
    GuardState(name="spike", rule="when loss > 9: pause", on=False, why_off="its firing was undone"),
)


def state_of(losses: list[float | None], ends: dict[int, float], per_epoch: int = 5) -> RunState:
    state = RunState.model_validate({"run": "a"})
    steps = list(range(1, len(losses) + 1))
    lost = {index: "nan" for index, loss in enumerate(losses) if loss is None}
    state.apply(ev.RunStarted(seq=1, steps_per_epoch=per_epoch, epochs=20, metric="accuracy"))
    state.apply(
        ev.Scalars(
            seq=2,
            step=steps[-1],
            steps=steps,
            seconds=[0.1 * step for step in steps],
            values={"train_loss": losses},
            not_finite={"train_loss": lost},
        )
    )
    for number, (step, loss) in enumerate(ends.items(), start=1):
        state.apply(ev.EpochEnded(seq=2 + number, epoch=number, step=step, seconds=1, metrics={"val_loss": loss}))
    return state


def test_a_preview_says_when_a_rule_would_have_fired() -> None:
    losses: list[float | None] = [1.0] * 20
    losses[6], losses[11] = 5.0, None
    state = state_of(losses, {5: 1.0, 10: 1.1, 15: 1.2, 20: 1.3})
    spikes = preview(parse_rule("when loss > 3 x its median of 4 steps: pause, cool-down 1 step"), state)
    assert spikes.steps == [7, 12]
    assert str(spikes) == "would have fired 2 times: steps 7, 12"
    rises = preview(parse_rule("when val_loss rises 3 epochs: lr x0.5"), state)
    assert str(rises) == "would have fired 1 time: step 20"
    never = preview(parse_rule("when grad_norm > 1: pause"), state)
    assert str(never) == "would not have fired; not measured yet: grad_norm"
    on_steps = preview(parse_rule("when step >= 4: pause, at most 1 time"), state)
    assert on_steps.steps == [4]


def test_a_preview_of_a_long_run_says_from_where_it_looks() -> None:
    state = state_of([1.0] * 20_000, {})
    dry = preview(parse_rule("when loss > 3: pause"), state)
    assert dry.since == state.series["train_loss"].steps[0] > 1
    assert str(dry) == f"would not have fired since step {dry.since:,}"


def test_the_chart_marks_the_firings() -> None:
    state = state_of([1.0, 1.0, 4.0, 1.0, 1.0, 4.0], {})
    rule = parse_rule("when loss > 3: pause, cool-down 1 step")
    data = guard_chart(rule, preview(rule, state), state, 60, 12)
    assert [layer.x for layer in data.layers if isinstance(layer, MarkerLine)] == [3.0, 6.0]
    assert data.name == "loss"
    empty = guard_chart(parse_rule("when grad_norm > 3: pause"), preview(rule, state), state, 60, 12)
    assert empty.message == "grad_norm was not measured yet"


def test_metrics_of_a_script_are_not_known_before() -> None:
    state = state_of([1.0], {})
    assert {"val_accuracy", "train_loss", "lr", "grad_norm"} <= (known_metrics(state) or set())
    state.apply(ev.Capabilities(seq=9))
    assert known_metrics(state) is None


def with_guards() -> FakeSession:
    session = running()
    session.play(ev.GuardsChanged(guards=GUARDS))
    return session


def test_a_rule_is_typed_tried_and_armed() -> None:
    session = running()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o", "G")
        await until(pilot, lambda: "a guard acts by itself" in screen_text(app))
        entry = pilot.app.screen.query_one("#rule", Input)
        entry.value = "when val_los rises 1 epoch: pause"
        await until(pilot, lambda: "did you mean 'val_loss'?" in screen_text(app))
        await press(pilot, "enter")
        assert not session.sent
        entry.value = "when loss > 0: note here, at most 2 times"
        await until(pilot, lambda: "would have fired 2 times" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: bool(session.sent))
        assert entry.value == ""
        await press(pilot, "escape")

    play(app, script)
    assert session.last(cmd.SetGuard).rule == 'when loss > 0: note "here", at most 2 times'


def test_a_rule_left_unarmed_marks_the_charts_and_waits() -> None:
    session = running()
    app = app_over(session)

    def foots() -> set[str]:
        lines = screen_text(app).splitlines()
        return {letter for line in lines if line.lstrip().startswith("└") for letter in line if letter == "?"}

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o", "G")
        await until(pilot, lambda: "a guard acts by itself" in screen_text(app))
        pilot.app.screen.query_one("#rule", Input).value = "when step >= 3: pause, at most 1 time"
        await until(pilot, lambda: "would have fired 1 time: step 3" in screen_text(app))
        await press(pilot, "escape")
        await until(pilot, lambda: bool(foots()) and "would have" not in screen_text(app))
        assert not session.sent
        await press(pilot, "o", "G")
        await until(pilot, lambda: "would have fired 1 time: step 3" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: bool(session.sent))
        await press(pilot, "escape")
        await until(pilot, lambda: "└" in screen_text(app) and not foots())
        await press(pilot, "o", "G")
        await until(pilot, lambda: "a guard acts by itself" in screen_text(app))

    play(app, script)


def test_the_list_switches_and_removes() -> None:
    session = with_guards()
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o", "G")
        await until(pilot, lambda: "[ ] spike" in screen_text(app))
        assert "[x] guard-1" in screen_text(app)
        await press(pilot, "tab", "space")
        await until(pilot, lambda: len(session.sent) == 1)
        await press(pilot, "down", "space")
        await until(pilot, lambda: len(session.sent) == 2)
        await press(pilot, "delete")
        await until(pilot, lambda: len(session.sent) == 3)
        await press(pilot, "enter")
        await until(pilot, lambda: pilot.app.screen.query_one("#rule", Input).value == GUARDS[1].rule)

    play(app, script)
    first, second, third = session.sent
    assert isinstance(first, cmd.SetGuard)
    assert (first.name, first.on) == ("guard-1", False)
    assert isinstance(second, cmd.SetGuard)
    assert (second.name, second.on) == ("spike", True)
    assert isinstance(third, cmd.RemoveGuard)
    assert third.name == "spike"
