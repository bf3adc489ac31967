"""The lecture on the screen: contents, narration and autoplay."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import (
    STEPS,
    FakeSession,
    app_over,
    finished,
    press,
    screen_text,
    settle,
    show,
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
    """Return a session whose runs have a lesson and have not taken a step."""
    session = FakeSession(*runs)
    for run in session.runs:
        session.play(begun(lesson), ev.StatusChanged(status="running"), run=run)
    return session


def begun(lesson: Lesson) -> ev.RunStarted:
    """Return the first event of a run with a lesson."""
    return started("GD beside SGD", config={"lesson": lesson.model_dump(mode="json", exclude_none=True)})


class Lecture:
    """A source of three lessons that records the sessions it starts."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.sessions: list[FakeSession] = []
        self.error: Exception | None = None

    def lessons(self) -> list[LessonInfo]:
        return LESSONS

    def start_lesson(self, preset: str) -> Session:
        self.started.append(preset)
        if self.error is not None:
            raise self.error
        self.sessions.append(narrated(next(info.lesson for info in LESSONS if info.name == preset)))
        return self.sessions[-1]


def lecture_app(lecture: Lecture, *rows: str, playing: bool = False) -> TrainerApp:
    """Return the app with the lecture open."""
    return app_over(programme=LecturePlan(lecture, rows, playing), settings=FAST)


async def opened(pilot: Pilot[Any], app: TrainerApp, lecture: Lecture, count: int) -> None:
    """Wait until `count` lessons have been opened and the last one is on the screen."""
    await until(pilot, lambda: len(lecture.started) == count and app.dashboard is not None)
    await settle(pilot)


def without_lesson(session: FakeSession) -> list[cmd.AnyCommand]:
    """Return the commands that the user sent."""
    return [command for command in session.sent if command.by != cmd.LESSON]


def over(session: FakeSession) -> None:
    """Finish the runs of a lesson."""
    for run in session.runs:
        session.play(*trained(2 * STEPS), finished(), run=run)


async def test_the_contents_list_lessons_in_the_order_of_the_lecture() -> None:
    app = lecture_app(Lecture())

    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        text = screen_text(app)
        places = [text.index(word) for word in ("Design choices", "S02", "Algorithms", "S18-20", "Diagnosis", "S38")]
        assert places == sorted(places)
        await press(pilot, "down")
        await until(pilot, lambda: "GD beside SGD" in screen_text(app))
        for words in ("The lecture says", "2 runs side by side"):
            assert words in screen_text(app)
        for words in ("What is true", "As computed here", DUEL.shows[:30]):
            assert words not in screen_text(app), "a result"


async def test_search_finds_a_lesson_by_row_or_word() -> None:
    app = lecture_app(Lecture())

    async with show(app, (120, 32)) as pilot:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        await press(pilot, "slash", *"s19")
        assert "gd-vs-sgd" in screen_text(app)
        assert "lr-low" not in screen_text(app)
        await press(pilot, "escape", "slash", *"creeps")
        assert "lr-low" in screen_text(app)
        assert "gd-vs-sgd" not in screen_text(app)


async def test_enter_runs_a_lesson_and_leaving_it_returns() -> None:
    lecture = Lecture()
    app = lecture_app(lecture)

    async with show(app, (120, 32)) as pilot:
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

    assert app.return_value is not None
    assert app.return_value.exit_code == 0


async def test_a_failed_start_shows_the_error_in_the_contents() -> None:
    lecture = Lecture()
    lecture.error = UserError("runs: no space left")

    app = lecture_app(lecture)

    async with show(app, (120, 32)) as pilot:
        await until(pilot, lambda: "act-sign" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "no space left" in screen_text(app))
        assert app.dashboard is None


async def test_keys_go_to_the_next_and_previous_lesson_and_stop_the_run() -> None:
    lecture = Lecture()

    app = lecture_app(lecture, "S19")

    async with show(app, (120, 32)) as pilot:
        await opened(pilot, app, lecture, 1)
        first = lecture.sessions[0]
        first.play(*trained(STEPS))
        await settle(pilot)
        await press(pilot, "greater_than_sign", "enter", "right_square_bracket")
        assert without_lesson(first) == [], "the first answer is to stay"
        await press(pilot, "greater_than_sign", "s")
        assert isinstance(without_lesson(first)[-1], cmd.Stop)
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


async def test_a_lesson_is_left_while_its_run_goes_on() -> None:
    lecture = Lecture()

    app = lecture_app(lecture, "S19")

    async with show(app, (120, 32)) as pilot:
        await opened(pilot, app, lecture, 1)
        first = lecture.sessions[0]
        first.play(*trained(STEPS))
        await settle(pilot)
        await press(pilot, "greater_than_sign", "l")
        await opened(pilot, app, lecture, 2)
        assert without_lesson(first) == []
        assert first.last(cmd.Resume).until is None, "it trains on by itself"
        assert first.closed


async def test_a_run_outside_the_lecture_has_no_next_lesson() -> None:
    app = app_over(FakeSession())

    async with show(app) as pilot:
        await press(pilot, "greater_than_sign")
        await settle(pilot)
        assert "not opened from the lecture" in screen_text(app)
        await press(pilot, "right_parenthesis")
        await settle(pilot)
        assert "no lesson" in screen_text(app)


async def test_the_lesson_page_and_keys_for_earlier_remarks() -> None:
    session = narrated()
    over(session)

    app = app_over(session, settings=FAST)

    async with show(app, (100, 50)) as pilot:
        await until(pilot, lambda: "the whole story" in screen_text(app))
        await press(pilot, "left_parenthesis")
        assert "noise floor" in screen_text(app)
        await press(pilot, "right_parenthesis", "W")
        for words in ("The lecture says", "What is true", "As computed here", "After epoch 2", "At the end"):
            assert words in screen_text(app)
        await press(pilot, "W")
        assert "As computed here" not in screen_text(app)


async def test_a_finished_lesson_shows_all_remarks_at_once() -> None:
    session = FakeSession(kind="finished", can_steer=False)
    session.play(begun(DUEL))
    over(session)

    app = app_over(session)

    async with show(app):
        assert "the whole story" in screen_text(app)
        assert "remark 4 of 4" in screen_text(app)


async def test_autoplay_runs_to_the_last_lesson() -> None:
    lecture = Lecture()

    app = lecture_app(lecture, "S38", "S18", playing=True)

    async with show(app, (120, 32)) as pilot:
        for count in (1, 2):
            await opened(pilot, app, lecture, count)
            await until(pilot, lambda: "any key stops autoplay" in screen_text(app))
            over(lecture.sessions[count - 1])
        await until(pilot, lambda: app.dashboard is None, seconds=60)
        await settle(pilot)
        assert lecture.started == ["lr-low", "gd-vs-sgd"]
        assert isinstance(app.screen, Contents)
        assert not app.screen.tour.playing


async def test_any_key_stops_autoplay_and_enter_resumes_it() -> None:
    lecture = Lecture()

    app = lecture_app(lecture, playing=True)

    async with show(app, (120, 32)) as pilot:
        await opened(pilot, app, lecture, 1)
        assert app.dashboard is not None
        lesson_actions = app.dashboard._actions.lessons
        for key in ("a", "f9", "enter"):  # one that does something, one that does nothing, and the one that plays on
            assert lesson_actions.playing
            await press(pilot, key)
            assert not lesson_actions.playing
            await press(pilot, "enter")
        assert lesson_actions.playing
        over(lecture.sessions[0])
        await opened(pilot, app, lecture, 2)
        await press(pilot, "f9")
        over(lecture.sessions[1])
        for _ in range(4):
            await settle(pilot)
            await press(pilot, "space")
        await until(pilot, lambda: "the whole story" in screen_text(app))
        for _ in range(30):
            await settle(pilot)
        assert len(lecture.started) == 2


async def test_a_small_screen_shows_the_remark() -> None:
    session = narrated()
    session.play(*trained(1))

    app = app_over(session, settings=FAST)

    async with show(app, (40, 12)) as pilot:
        await until(pilot, lambda: "Both begin at the same weights" in screen_text(app))


def test_row_numbers_are_shortened() -> None:
    assert short_rows(("S18", "S19", "S20")) == "S18-20"
    assert short_rows(("S31", "S33")) == "S31 S33"
    assert short_rows(("S02",)) == "S02"
    assert len(short_rows(tuple(f"S{number:02d}" for number in range(1, 49, 2)))) < 12


def test_requested_rows_keep_their_order_without_repeats() -> None:
    found = with_rows(LESSONS, ["S38", "S20", "S18", "S49"])
    assert [lesson.name for lesson in found] == ["lr-low", "gd-vs-sgd"]
