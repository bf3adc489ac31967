"""Rerunning from the dashboard: with a turned problem, or with other settings."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    play,
    press,
    screen_text,
    settle,
    show,
    started,
    trained,
    until,
)
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Axis, Contour, Line, taken
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.registry import PicturePane
from tui_trainer.ui.dashboard.actions import rerun_actions
from tui_trainer.ui.lecture.narrator import Narrator, relevant_remarks

VALLEY = Lesson(
    rows=("S30",),
    shows="Scales help along the axes.",
    remarks=(
        Remark(at="start", text="It lies along the first axis."),
        Remark(at="turned", text="It lies across the coordinates."),
        Remark(at="end", text="Now turn it with T."),
    ),
)
RUNS = ("night_coord-scale/sgd", "night_coord-scale/adam")


def begun(rotation: float = 0.0, **data: Any) -> ev.RunStarted:
    config = {
        "data": {"kind": "quadratic", "dimensions": 2, "rotation": rotation, **data},
        "lesson": VALLEY.model_dump(mode="json", exclude_none=True),
        "pictures": [{"kind": "path"}],
    }
    return started("A valley", config=config)


def valley(rotation: float = 0.0, over: bool = False, **data: Any) -> FakeSession:
    """A session with two optimizers on one quadratic."""
    session = FakeSession(*RUNS)
    ground = Contour(x=Axis(low=0, high=1), y=Axis(low=0, high=1), values=((0, 1), (1, 2)), paths=(PATH,))
    for run in session.runs:
        folder = f"runs/{run}"
        session.play(
            begun(rotation, **data).model_copy(update={"path": folder}),
            ev.StatusChanged(status="running"),
            *trained(50),
            taken("path", ground, {}, step=50, epoch=1),
            run=run,
        )
        if over:
            session.play(finished(), run=run)
    return session


PATH = Line(name="path", x=(0, 1), y=(0, 1), text=">1000")


class Starts:
    """Records the reruns, and returns a session for each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: UserError | None = None) -> None:
        self.asked: list[tuple[dict[str, str], tuple[str, ...]]] = []
        self.sessions: list[FakeSession] = []
        self.error = error
        monkeypatch.setattr("tui_trainer.session.rerun.rerun_session", self.anew)

    def anew(
        self, runs: dict[str, str], overrides: tuple[str, ...], notes: Sequence[str] = (), *, hold: bool = False
    ) -> FakeSession:
        self.asked.append((dict(runs), tuple(overrides)))
        if self.error is not None:
            raise self.error
        self.sessions.append(valley(45.0))
        return self.sessions[-1]


async def test_three_turns_start_one_training_at_45_degrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rerun_actions, "MORE", 600.0)  # the presses are one row, however late the second one comes
    starts, session = Starts(monkeypatch), valley(over=True)

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "T", "T", "T")
        assert "turned to 45 degrees" in screen_text(app)
        assert app.dashboard is not None
        app.dashboard._actions.reruns.tick(monotonic() + 700.0)
        await until(pilot, lambda: "with data.rotation=45" in screen_text(app))
        await settle(pilot)
        assert app.dashboard is not None
        view_state = app.dashboard.view_state
        assert [state.run for state in view_state.states] == list(RUNS)
        assert isinstance(view_state.maximized, PicturePane)
        assert view_state.maximized.name == "path"
        await until(pilot, lambda: "It lies across the coordinates." in screen_text(app))
        assert "sgd >1000" in screen_text(app)
        assert "adam >1000" in screen_text(app)
    assert starts.asked == [({run: f"runs/{run}" for run in RUNS}, ("data.rotation=45",))]
    assert session.closed == 1
    assert session.sent == []


async def test_runs_that_train_are_stopped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    starts, session = Starts(monkeypatch), valley(165.0)

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "T")
        assert "2 runs are training" in screen_text(app)
        await press(pilot, "escape", "T", "enter")
        assert session.sent == []
        await press(pilot, "T", "s")
        await until(pilot, lambda: session.sent)
        assert session.last(cmd.Stop).run == "*"
        await settle(pilot)
        assert starts.asked == []
        for run in session.runs:
            session.play(finished("stopped"), run=run)
        await until(pilot, lambda: starts.asked)
    assert [command.type for command in session.sent] == ["Stop"]
    assert starts.asked[0][1] == ("data.rotation=0",)


def test_turning_is_disabled_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = Starts(monkeypatch)

    def said(session: FakeSession, **options: Any) -> str:
        async def script(pilot: Pilot[Any]) -> None:
            await press(pilot, "T")
            found.append(screen_text(app).splitlines()[-2])

        found: list[str] = []
        app = app_over(session, **options)
        play(app, script, size=(140, 30))
        return found[0]

    digits = FakeSession()
    digits.play(started(config={"data": {"kind": "digits"}}), *trained(50))
    assert "only quadratic problems" in said(digits)
    assert "one coordinate" in said(valley(dimensions=1))
    assert "read only" in said(valley(), read_only=True)
    assert "still starting" in said(FakeSession())
    assert starts.asked == []


async def test_a_failed_rerun_shows_the_error_and_keeps_the_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    Starts(monkeypatch, UserError("the folder of run 'sgd' is not on this machine"))

    app = app_over(valley(over=True))

    async with show(app) as pilot:
        await press(pilot, "T")
        await until(pilot, lambda: "not on this machine" in screen_text(app))
        assert "path" in screen_text(app)


async def test_other_settings_are_validated_in_the_dialog(monkeypatch: pytest.MonkeyPatch) -> None:
    starts, session = Starts(monkeypatch), FakeSession(*RUNS)
    config = load("zigzag").first.model_dump(mode="json", exclude_none=True)
    for run in RUNS:
        session.play(started(config=config, path=f"runs/{run}"), *trained(50), finished(), run=run)

    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "o", "N", "enter")
        assert "nothing differs yet" in screen_text(app)
        await press(pilot, *"data.conditon=10", "enter")
        assert "did you mean" in screen_text(app)
        await press(pilot, *["backspace"] * 20, *"data.condition=10", "enter")
        await until(pilot, lambda: starts.asked)
    assert starts.asked == [({run: f"runs/{run}" for run in RUNS}, ("data.condition=10",))]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_fields_and_typed_settings_are_one_list_of_changes(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, session = Starts(monkeypatch), FakeSession(*RUNS)
    config = load("zigzag").first.model_dump(mode="json", exclude_none=True)
    for run in RUNS:
        session.play(started(config=config, path=f"runs/{run}"), *trained(50), finished(), run=run)

    app = app_over(session)

    async with show(app, size) as pilot:
        await press(pilot, "o", "N", *"data.condition=10", "tab", "down", "down", "down", "tab", "ctrl+u", "7")
        assert "training.epochs=7 data.condition=10" in screen_text(app)
        assert "from the start, in 2 new runs" in screen_text(app)
        await press(pilot, "enter")
        await until(pilot, lambda: starts.asked)
    assert starts.asked[0][1] == ("training.epochs=7", "data.condition=10")


@pytest.mark.parametrize(("rotation", "told"), [(0.0, [0, 2]), (90.0, [0, 2]), (45.0, [1]), (15.0, [1])])
def test_a_turned_problem_has_its_own_remarks(rotation: float, told: list[int]) -> None:
    state = RunState()
    state.apply(begun(rotation))
    assert relevant_remarks(VALLEY, state) == told
    straight = VALLEY.model_copy(update={"remarks": VALLEY.remarks[::2]})
    assert relevant_remarks(straight, state) == [0, 1]


def test_rerunning_a_lesson_shows_its_remarks_again() -> None:
    narrator, state = Narrator(6000), RunState()
    state.apply(begun())
    for event in [*trained(50), finished()]:
        state.apply(event)
    assert len(narrator.update(VALLEY, state, True, 0.0, late=True)) == 2
    narrator.reset()
    turned = RunState()
    turned.apply(begun(30.0))
    turned.apply(trained(50)[0])
    assert [remark.at for remark in narrator.update(VALLEY, turned, False, 1.0, late=False)] == ["turned"]
    assert narrator.text == "It lies across the coordinates."


@pytest.mark.parametrize("name", ["coord-scale", "zigzag", "second-order"])
def test_every_lesson_with_a_quadratic_has_a_turned_remark(name: str) -> None:
    config: RunConfig = load(name).first
    assert config.lesson is not None
    remark = next(remark for remark in config.lesson.remarks if remark.at == "turned")
    assert remark.show == "path"
    assert "path" in {shot.kind for shot in config.pictures}
