"""The lecture on the screen: its contents, the narration beside the charts, and the tour that plays by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import (
    STEPS,
    FakeSession,
    app_over,
    finished,
    play,
    press,
    screen_text,
    settle,
    started,
    trained,
    until,
)
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.screens.contents import Contents, short_rows, with_rows
from tui_trainer.ui.settings import Settings

DUEL = Lesson(
    rows=("S18", "S19", "S20"),
    shows="Per iteration the full gradient wins, per epoch small batches do.",
    says="GD is faster per iteration; SGD is faster per epoch, and good for medium accuracy.",
    truth="The seconds decide: an epoch of SGD costs 2 to 64 times a step of GD.",
    formula="f(w) = |y - Xw|^2 / (2m)",
    remarks=(
        Remark(at="start", text="Both begin at the same weights. The axis counts iterations.", axis="step"),
        Remark(epoch=1, text="Now the axis counts epochs: the small batches are far ahead.", axis="epoch", log_y=True),
        Remark(epoch=2, text="The loss alone, over the noise floor.", show="loss", axis="samples"),
        Remark(at="end", text="Back to all charts: that is the whole story.", show="all"),
    ),
)
SLOW = Lesson(rows=("S38",), shows="With a rate of 0.001 the loss creeps.", says="A low rate is slow.")
SIGN = Lesson(rows=("S02",), shows="The sign has no derivative to learn from.")
LESSONS = [
    LessonInfo("act-sign", "The sign as an activation", "design choices", SIGN),
    LessonInfo("gd-vs-sgd", "GD beside SGD", "algorithms", DUEL, ("gd", "sgd")),
    LessonInfo("lr-low", "A rate far too low", "diagnosis", SLOW),
]
FAST = Settings(words_per_minute=6000, rest=0)


def narrated(lesson: Lesson = DUEL, *runs: str) -> FakeSession:
    """A session whose runs are lessons and have not begun."""
    session = FakeSession(*runs)
    for run in session.runs:
        session.play(begun(lesson), ev.StatusChanged(status="running"), run=run)
    return session


def begun(lesson: Lesson) -> ev.RunStarted:
    """The event with which a lesson begins."""
    return started("GD beside SGD", config={"lesson": lesson.model_dump(mode="json", exclude_none=True)})


class Lecture:
    """Three lessons, and the sessions that they were started with."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.sessions: list[FakeSession] = []
        self.error: Exception | None = None

    def lessons(self) -> list[LessonInfo]:
        return LESSONS

    def start(self, preset: str) -> Session:
        self.started.append(preset)
        if self.error is not None:
            raise self.error
        self.sessions.append(narrated(next(info.lesson for info in LESSONS if info.name == preset)))
        return self.sessions[-1]


Script = Callable[[Pilot[Any], TrainerApp], Any]


def at_lecture(
    lecture: Lecture, script: Script, *rows: str, playing: bool = False, size: Any = (120, 32)
) -> TrainerApp:
    app = app_over(programme=LecturePlan(lecture, rows, playing), settings=FAST)

    async def run(pilot: Pilot[Any]) -> None:
        await script(pilot, app)

    return play(app, run, size)


async def opened(pilot: Pilot[Any], app: TrainerApp, lecture: Lecture, count: int) -> None:
    """Wait for so many lessons to have been opened, the last one being in sight."""
    await until(pilot, lambda: len(lecture.started) == count and app.dashboard is not None)
    await settle(pilot)


def over(session: FakeSession) -> None:
    """Let a lesson come to its end."""
    for run in session.runs:
        session.play(*trained(2 * STEPS), finished(), run=run)


def test_the_contents_list_every_row_in_the_order_of_the_lecture() -> None:
    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        text = screen_text(app)
        places = [text.index(word) for word in ("Design choices", "S02", "Algorithms", "S18-20", "Diagnosis", "S38")]
        assert places == sorted(places)
        await press(pilot, "down")
        await until(pilot, lambda: "GD beside SGD" in screen_text(app))
        for words in ("The lecture says", "What is true", "As computed here", "2 runs side by side"):
            assert words in screen_text(app)

    at_lecture(Lecture(), script, size=(140, 40))


def test_a_row_is_found_by_its_number_or_by_a_word_of_it() -> None:
    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        await press(pilot, *"s19")
        assert "gd-vs-sgd" in screen_text(app)
        assert "lr-low" not in screen_text(app)
        await press(pilot, "escape", *"creeps")
        assert "lr-low" in screen_text(app)
        assert "gd-vs-sgd" not in screen_text(app)

    at_lecture(Lecture(), script)


def test_enter_runs_a_row_and_leaving_it_comes_back() -> None:
    lecture = Lecture()

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        await press(pilot, "down", "enter")
        await opened(pilot, app, lecture, 1)
        assert lecture.started == ["gd-vs-sgd"]
        over(lecture.sessions[0])
        await settle(pilot)
        await press(pilot, "q")
        await until(pilot, lambda: app.dashboard is None)
        assert lecture.sessions[0].closed
        assert "S18-20" in screen_text(app)
        await press(pilot, "q")

    assert at_lecture(lecture, script).return_value.exit_code == 0


def test_what_cannot_be_started_is_said_and_the_contents_stay() -> None:
    lecture = Lecture()
    lecture.error = UserError("runs: no space left")

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await until(pilot, lambda: "act-sign" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "no space left" in screen_text(app))
        assert app.dashboard is None

    at_lecture(lecture, script)


def test_next_and_before_go_through_the_rows_and_stop_what_trains() -> None:
    lecture = Lecture()

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await opened(pilot, app, lecture, 1)
        first = lecture.sessions[0]
        first.play(*trained(STEPS))
        await settle(pilot)
        await press(pilot, "greater_than_sign")
        first.last(cmd.Stop)
        assert len(lecture.started) == 1
        first.play(finished("stopped"))
        await opened(pilot, app, lecture, 2)
        over(lecture.sessions[1])
        await settle(pilot)
        await press(pilot, "greater_than_sign")
        await settle(pilot)
        assert "this is the last lesson" in screen_text(app)
        await press(pilot, "less_than_sign")
        await opened(pilot, app, lecture, 3)
        assert lecture.started == ["gd-vs-sgd", "lr-low", "gd-vs-sgd"]

    at_lecture(lecture, script, "S19")


def test_the_key_of_the_next_intervention_goes_on_where_none_is_left() -> None:
    lecture = Lecture()

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await opened(pilot, app, lecture, 1)
        session = lecture.sessions[0]
        cause = cmd.SetLearningRate(factor=0.5, by="ann")
        session.play(*trained(STEPS), ev.SettingChanged(step=20, name="lr", value=0.1, previous=0.2, cause=cause))
        session.play(finished())
        await settle(pilot)
        await press(pilot, "right_square_bracket")
        assert app.dashboard is not None
        assert app.dashboard.view_state.mark is not None
        assert len(lecture.started) == 1
        await press(pilot, "right_square_bracket")
        await opened(pilot, app, lecture, 2)

    at_lecture(lecture, script, "S02")


def test_an_ordinary_run_has_no_next_lesson() -> None:
    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "greater_than_sign")
        await settle(pilot)
        assert "not opened from the lecture" in screen_text(app)
        await press(pilot, "right_parenthesis")
        await settle(pilot)
        assert "no lesson" in screen_text(app)

    app = app_over(FakeSession())
    play(app, script)


def test_remarks_turn_the_axis_and_show_a_chart_when_their_moment_comes() -> None:
    session = narrated()

    async def script(pilot: Pilot[Any]) -> None:
        assert app.dashboard is not None
        view_state = app.dashboard.view_state
        assert DUEL.shows in screen_text(app)
        session.play(*trained(1))
        await until(pilot, lambda: "Both begin at the same weights" in screen_text(app))
        session.play(*trained(STEPS - 1, first=2))
        await until(pilot, lambda: "far ahead" in screen_text(app))
        assert (view_state.view.axis, view_state.view.log_y, view_state.maximized) == ("epoch", True, None)
        assert view_state.view.told == (STEPS,)
        session.play(*trained(STEPS, first=STEPS + 1))
        await until(pilot, lambda: "over the noise floor" in screen_text(app))
        assert (view_state.view.axis, view_state.maximized) == ("samples", ChartKind.LOSS)
        assert "lecture: GD is faster" in screen_text(app)
        session.play(finished())
        await until(pilot, lambda: "the whole story" in screen_text(app))
        assert view_state.maximized is None
        assert '"' in screen_text(app)

    app = app_over(session, settings=FAST)
    play(app, script, (80, 24))


def test_remarks_leave_alone_what_a_person_has_set() -> None:
    session = narrated()

    async def script(pilot: Pilot[Any]) -> None:
        assert app.dashboard is not None
        view_state = app.dashboard.view_state
        session.play(*trained(1))
        await until(pilot, lambda: "Both begin" in screen_text(app))
        await press(pilot, "a", "a", "a", "2")
        assert (view_state.view.axis, view_state.maximized) == ("time", ChartKind.RATE)
        session.play(*trained(STEPS - 1, first=2), *trained(STEPS, first=STEPS + 1))
        await until(pilot, lambda: "over the noise floor" in screen_text(app))
        assert (view_state.view.axis, view_state.view.log_y, view_state.maximized) == ("time", True, ChartKind.RATE)

    app = app_over(session, settings=FAST)
    play(app, script)


def test_the_page_holds_everything_and_remarks_are_read_again() -> None:
    session = narrated()
    over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "the whole story" in screen_text(app))
        await press(pilot, "left_parenthesis")
        assert "noise floor" in screen_text(app)
        await press(pilot, "right_parenthesis", "t")
        for words in ("The lecture says", "What is true", "As computed here", "After epoch 2", "When all is over"):
            assert words in screen_text(app)
        await press(pilot, "t")
        assert "As computed here" not in screen_text(app)

    app = app_over(session, settings=FAST)
    play(app, script, (100, 50))


def test_a_finished_lesson_is_told_at_once() -> None:
    session = FakeSession(kind="replay", can_steer=False)
    session.play(begun(DUEL))
    over(session)

    async def script(pilot: Pilot[Any]) -> None:
        assert "the whole story" in screen_text(app)
        assert "remark 4 of 4" in screen_text(app)

    app = app_over(session)
    play(app, script)


def test_the_tour_plays_by_itself_to_its_end() -> None:
    lecture = Lecture()

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        for count in (1, 2):
            await opened(pilot, app, lecture, count)
            await until(pilot, lambda: "any key takes over" in screen_text(app))
            over(lecture.sessions[count - 1])
        await until(pilot, lambda: app.dashboard is None, seconds=60)
        await settle(pilot)
        assert lecture.started == ["lr-low", "gd-vs-sgd"]
        assert isinstance(app.screen, Contents)
        assert not app.screen.tour.playing

    at_lecture(lecture, script, "S38", "S18", playing=True)


def test_any_key_takes_over_and_enter_plays_on() -> None:
    lecture = Lecture()

    async def script(pilot: Pilot[Any], app: TrainerApp) -> None:
        await opened(pilot, app, lecture, 1)
        assert app.dashboard is not None
        lesson_actions = app.dashboard._lesson_actions
        for key in ("a", "f9", "enter"):  # one that does something, one that does nothing, and the one that plays on
            assert lesson_actions.playing
            await press(pilot, key)
            assert not lesson_actions.playing
            await press(pilot, "enter")
        assert lesson_actions.playing
        over(lecture.sessions[0])
        await opened(pilot, app, lecture, 2)
        await press(pilot, "space")
        over(lecture.sessions[1])
        await until(pilot, lambda: "the whole story" in screen_text(app))
        for _ in range(30):
            await settle(pilot)
        assert len(lecture.started) == 2

    at_lecture(lecture, script, playing=True)


def test_a_small_screen_has_room_for_the_remark() -> None:
    session = narrated()
    session.play(*trained(1))

    async def script(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Both begin at the same weights" in screen_text(app))

    app = app_over(session, settings=FAST)
    play(app, script, (40, 12))


def test_rows_are_named_in_a_few_cells() -> None:
    assert short_rows(("S18", "S19", "S20")) == "S18-20"
    assert short_rows(("S31", "S33")) == "S31 S33"
    assert short_rows(("S02",)) == "S02"
    assert len(short_rows(tuple(f"S{number:02d}" for number in range(1, 49, 2)))) < 12


def test_rows_that_are_asked_for_come_in_that_order_and_once() -> None:
    found = with_rows(LESSONS, ["S38", "S20", "S18", "S49"])
    assert [lesson.name for lesson in found] == ["lr-low", "gd-vs-sgd"]
