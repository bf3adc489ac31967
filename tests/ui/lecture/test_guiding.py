"""The training waits for the reader of a lesson, and each remark puts in front what it speaks of."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, press, screen_text, settle, show, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.protocol import commands as cmd
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.settings import Settings

LESSON = Lesson(
    rows=("S18",),
    shows="Per iteration the full gradient wins, per epoch small batches do.",
    says="GD is faster per iteration.",
    truth="The seconds decide. " * 30,
    remarks=(
        Remark(at="start", step=5, text="First by iteration.", axis="step", x=(0, 5), run="gd"),
        Remark(epoch=2, text="Now by epoch, the small batches.", axis="epoch", log_y=True, run="sgd", show="metric"),
        Remark(epoch=6, text="The loss of one of them.", show="loss", x=(10, 50)),
        Remark(at="end", text="Back to all charts.", show="all", run="gd"),
    ),
)
CONFIG = {"lesson": LESSON.model_dump(mode="json", exclude_none=True)}


def session() -> GuidedSession:
    """Return a full batch beside small batches, the latter of which ends after five epochs."""
    return GuidedSession({"gd": Course(1, 8, CONFIG), "sgd": Course(10, 8, CONFIG, ends=50)})


class OneLesson:
    """The lecture with this lesson alone."""

    def __init__(self) -> None:
        self.session = session()

    def lessons(self) -> list[LessonInfo]:
        return [LessonInfo("gd-vs-sgd", "GD beside SGD", "algorithms", LESSON, ("gd", "sgd"))]

    def start_lesson(self, preset: str) -> Session:
        return self.session


async def opened(pilot: Pilot[Any], app: TrainerApp) -> None:
    await until(pilot, lambda: app.dashboard is not None and app.dashboard.composed)


def front(app: TrainerApp) -> tuple[object, ...]:
    """Return run, chart, axis, range and scale on the screen."""
    assert app.dashboard is not None
    state = app.dashboard.view_state
    return (app.dashboard.selected_run.run, state.maximized, state.view.axis, state.view.span, state.view.log_y)


async def test_the_training_waits_at_each_remark_which_shows_what_it_speaks_of() -> None:
    lecture = OneLesson()
    app = app_over(programme=LecturePlan(lecture, ("S18",)))
    async with show(app, (80, 24)) as pilot:
        await opened(pilot, app)
        assert app.dashboard is not None
        runs = lecture.session.courses
        await until(pilot, lambda: "First by iteration" in screen_text(app))
        assert [course.step for course in runs.values()] == [5, 5]
        assert front(app) == ("group/gd", None, "step", (0, 5), None)
        assert "space go on" in screen_text(app)
        for _ in range(3):
            await settle(pilot)
        assert [course.step for course in runs.values()] == [5, 5]
        app.dashboard.view_state.view = replace(app.dashboard.view_state.view, span=(3, 4), cursor=3)
        await press(pilot, "tab", "2", "space")
        await until(pilot, lambda: "Now by epoch" in screen_text(app))
        assert [course.step for course in runs.values()] == [5, 20]
        assert front(app) == ("group/sgd", ChartKind.METRIC, "epoch", None, True)
        assert app.dashboard.view_state.view.cursor is None
        await press(pilot, "space")
        await until(pilot, lambda: "The loss of one" in screen_text(app))
        assert [course.step for course in runs.values()] == [6, 50]
        assert front(app) == ("group/sgd", ChartKind.LOSS, "epoch", (10, 50), True)
        assert "in truth" not in screen_text(app)
        await press(pilot, "left_parenthesis")
        assert "Now by epoch" in screen_text(app)
        assert front(app)[1:4] == (ChartKind.METRIC, "epoch", None)
        await press(pilot, "left_parenthesis")
        assert front(app)[2:] == ("step", (0, 5), None), "the scale of a later remark"
        await press(pilot, "right_parenthesis", "space")
        assert front(app)[1:4] == (ChartKind.LOSS, "epoch", (10, 50))
        assert runs["group/gd"].step == 6
        await press(pilot, "space")
        await until(pilot, lambda: "Back to all charts" in screen_text(app))
        assert front(app) == ("group/gd", None, "epoch", None, True)
        await press(pilot, "space")
        await until(pilot, lambda: "What is true" in screen_text(app))
        assert " ".join(screen_text(app).replace("│", " ").split()).count("The seconds decide.") == 30
    assert {command.by for command in lecture.session.sent} == {"lesson"}


async def test_the_truth_is_a_key_away_after_autoplay_at_the_end() -> None:
    lecture = OneLesson()
    app = app_over(programme=LecturePlan(lecture, ("S18",)))
    async with show(app, (80, 24)) as pilot:
        await opened(pilot, app)
        assert app.dashboard is not None
        actions, narrator = app.dashboard._actions.lessons, app.dashboard.view_state.narrator
        for words in ("First by iteration", "Now by epoch", "The loss of one", "Back to all charts"):
            await until(pilot, lambda words=words: words in screen_text(app))
            if not narrator.told:
                await press(pilot, "space")
        await press(pilot, "enter")
        assert actions.playing
        actions.tick(monotonic() + narrator.remark_seconds)
        await press(pilot, "m")
        assert not actions.playing
        assert "space in truth" in screen_text(app)
        await press(pilot, "space")
        await until(pilot, lambda: "What is true" in screen_text(app))


async def test_a_hand_that_pauses_on_the_way_goes_on_to_the_remark() -> None:
    lecture = OneLesson()
    app = app_over(programme=LecturePlan(lecture, ("S18",)))
    async with show(app, (100, 30)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "First by iteration" in screen_text(app))
        train = lecture.session.train
        stops: list[int] = []

        def halfway(run: str, step: int | None) -> None:
            if run == "group/sgd" and not stops:
                stops.append(12)
                train(run, 12)
            else:
                train(run, step)

        lecture.session.train = halfway
        await press(pilot, "space")
        await until(pilot, lambda: lecture.session.courses["group/sgd"].step == 12)
        await settle(pilot)
        assert "Now by epoch" not in screen_text(app)
        await press(pilot, "space")
        await until(pilot, lambda: "Now by epoch" in screen_text(app))
        assert lecture.session.courses["group/sgd"].step == 20


async def test_a_plain_run_only_offers_the_guiding_and_any_key_ends_it() -> None:
    scripted = session()
    app = app_over(scripted, settings=Settings(words_per_minute=30))  # no remark is over before the next key
    async with show(app, (100, 30)) as pilot:
        assert app.dashboard is not None
        scripted.train("group/gd", 3)
        scripted.train("group/sgd", 10)
        await until(pilot, lambda: "enter guide me" in screen_text(app))
        assert scripted.sent == []
        before = front(app)
        await press(pilot, "enter")
        await until(pilot, lambda: "First by iteration" in screen_text(app))
        assert front(app) != before
        assert scripted.courses["group/gd"].step == 5
        await press(pilot, "right_parenthesis")
        await until(pilot, lambda: "Now by epoch" in screen_text(app))
        await press(pilot, "a")
        assert front(app)[2] == "samples"
        for run in scripted.courses:
            assert [c for c in scripted.sent if c.run == run][-1] == cmd.Resume(
                id=[c for c in scripted.sent if c.run == run][-1].id, by="lesson", run=run
            )
        assert scripted.closed == 0
        await until(pilot, lambda: all(course.step == course.last for course in scripted.courses.values()))
        await settle(pilot)
        assert front(app)[2] == "samples", "later remarks leave the view alone"


async def test_a_run_on_disk_cannot_wait() -> None:
    scripted = FakeSession(kind="finished", can_steer=False)
    other = session()
    other.train("group/gd", None)
    scripted.runs = ("group/gd",)
    scripted._inbox = other.drain()
    app = app_over(scripted)
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "remark" in screen_text(app))
        assert "guide me" not in screen_text(app)
        await press(pilot, "enter")
        assert "cannot let the training wait" in screen_text(app)
        assert scripted.sent == []
