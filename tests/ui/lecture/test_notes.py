"""The notes of a teacher: a second screen that follows the runs of a lesson and sends nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.ui.fake_session import app_over, press, running, screen_text, settle, show, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.cli.main import cli
from tui_trainer.config.lesson import Lesson, LessonLink, Remark
from tui_trainer.config.teaching.question import LessonQuestion
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.lecture import notes
from tui_trainer.ui.lecture.next_lesson import NextLesson, newer_lesson

LONG = "Then all runs are compared with each other, one after the other. " * 5 + "The last word."
LESSON = Lesson(
    rows=("S18", "S19"),
    shows="Small batches win per epoch.",
    truth="The seconds decide.",
    minutes=8,
    remarks=(
        Remark(at="start", step=5, text="First by iteration."),
        Remark(epoch=2, text=LONG),
        Remark(at="end", text="That was all of it."),
    ),
    questions=(
        LessonQuestion(
            text="Which one trains for more steps?", choices=("gd", "sgd"), measures=("gd:steps", "sgd:steps"),
            best="highest",
        ),
        LessonQuestion(text="How many times as many?", measure="sgd:steps / gd:steps", unit="x"),
    ),
    mistakes=("To compare them by steps alone.",),
    links=(LessonLink(title="Robbins and Monro 1951", url="https://example.org/rm"),),
)  # fmt: skip
CONFIG = {"lesson": LESSON.model_dump(mode="json", exclude_none=True)}
SIZES = ((80, 24), (140, 40), (40, 12))


def session() -> GuidedSession:
    """Return two runs of 8 and 80 steps that have not begun."""
    return GuidedSession({"gd": Course(1, 8, CONFIG), "sgd": Course(10, 8, CONFIG)})


def notes_app(scripted: Any) -> TrainerApp:
    """Return the app as `attach --notes` opens it."""
    return app_over(scripted, page="notes", read_only=True)


def words(app: TrainerApp) -> str:
    """Return the text on the screen without its line breaks."""
    return " ".join(screen_text(app).split())


@pytest.mark.parametrize("size", SIZES[:2])
async def test_the_notes_follow_the_runs_and_say_what_comes_next(size: tuple[int, int]) -> None:
    scripted = session()
    app = notes_app(scripted)
    async with show(app, size) as pilot:
        await until(pilot, lambda: "Next" in screen_text(app))
        assert "Now" not in screen_text(app)
        assert "8 minutes planned" in screen_text(app)
        for run in scripted.courses:
            scripted.train(run, 5)
        await until(pilot, lambda: "Now, remark 1 of 3" in screen_text(app))
        assert "First by iteration." in words(app)
        assert LONG in words(app), "the next remark in full"
        assert "Next after epoch 2" in words(app)
        scripted.train("group/sgd", 20)
        await settle(pilot)
        assert "Now, remark 2 of 3" in screen_text(app), "the other run has passed it"
        assert "Next at the end That was all of it." in words(app)
        assert "the answer comes when the runs have ended" in words(app)
        for run in scripted.courses:
            scripted.train(run, None)
        await until(pilot, lambda: "Now, remark 3 of 3" in screen_text(app))
        assert "Which one trains for more steps? (gd / sgd) sgd" in words(app)
        assert "How many times as many? 10x" in words(app)
        assert "trained 0.9 s" in words(app)
        if size[1] > 30:
            for text in ("To compare them by steps alone.", "https://example.org/rm", "The seconds decide."):
                assert text in words(app)
    assert scripted.sent == []


@pytest.mark.parametrize("size", SIZES)
async def test_escape_goes_to_the_charts_and_back(size: tuple[int, int]) -> None:
    scripted = session()
    app = notes_app(scripted)
    async with show(app, size) as pilot:
        for run in scripted.courses:
            scripted.train(run, 5)
        await until(pilot, lambda: "Now" in screen_text(app))
        charts = re.compile("[\u2801-\u28ff]")
        assert not charts.search(screen_text(app))
        await press(pilot, "escape")
        assert charts.search(screen_text(app))
        await press(pilot, "escape")
        assert "Now" in screen_text(app)


async def test_no_action_sends_a_command() -> None:
    scripted = session()
    app = notes_app(scripted)
    async with show(app, (80, 24)) as pilot:
        for run in scripted.courses:
            scripted.train(run, 5)
        await until(pilot, lambda: "Now" in screen_text(app))
        assert app.dashboard is not None
        for action in ACTIONS:
            if action.id not in ("quit", "detach"):
                app.dashboard.perform(action.id)
                await pilot.pause()
                while app.screen is not app.dashboard:
                    app.pop_screen()
        await settle(pilot)
    assert scripted.sent == []


async def test_a_run_without_a_lesson_says_so() -> None:
    app = notes_app(running())
    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "This run has no lesson" in screen_text(app))


async def test_the_notes_go_on_to_the_next_lesson_once_the_runs_have_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scripted = session()
    second = Lesson(rows=("S24",), shows="Stairs.", remarks=(Remark(at="start", step=5, text="The second lesson."),))
    following = GuidedSession({"a": Course(1, 8, {"lesson": second.model_dump(mode="json", exclude_none=True)})}, "new")
    infos = [RunInfo("new/a", str(tmp_path), "paused", started="2026-11-23T14:00:01Z")]
    (tmp_path / "run.toml").write_text('[lesson]\nrows = ["S24"]\n')
    looked: list[bool] = []

    def session_of(_self: object, paths: list[str]) -> Session | None:
        looked.append(scripted_over(app))
        return following if newer_lesson(infos, paths) else None

    monkeypatch.setattr(NextLesson, "_session", session_of)
    app = notes_app(scripted)
    async with show(app, (80, 24)) as pilot:
        for run in scripted.courses:
            scripted.train(run, 5)
        await until(pilot, lambda: "Now, remark 1 of 3" in screen_text(app))
        assert looked == []
        for run in scripted.courses:
            scripted.train(run, None)
        await until(pilot, lambda: "S24" in screen_text(app))
        following.train("new/a", 5)
        await until(pilot, lambda: "The second lesson." in screen_text(app))
        assert "That was all of it." not in screen_text(app)
    assert looked == [True]
    assert scripted.closed
    assert (scripted.sent, following.sent) == ([], [])


def scripted_over(app: TrainerApp) -> bool:
    """Return whether every run on the screen has ended."""
    return app.dashboard is not None and app.dashboard.view_state.store.over


def test_the_next_lesson_is_the_newest_live_one_that_began_later(tmp_path: Path) -> None:
    def info(name: str, at: int, status: str = "running", *, lesson: bool = True, starting: bool = False) -> RunInfo:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "run.toml").write_text('[lesson]\nrows = ["S24"]\n' if lesson else "[training]\nepochs = 1\n")
        return RunInfo(name, str(folder), status, started=f"2026-11-23T14:00:{at:02}Z", starting=starting)

    present = info("present", 10, "finished")
    earlier, over, plain = info("earlier", 9), info("over", 15, "finished"), info("plain", 17, lesson=False)
    coming = info("coming", 18, starting=True)
    paths = [present.path]
    assert newer_lesson([present, earlier, over, plain, coming], paths) is None
    next_one, newest = info("next", 12, "paused"), info("newest", 13)
    assert newer_lesson([newest, next_one, plain, present, earlier], paths) == newest
    assert newer_lesson([next_one], paths) == next_one, "the present folder was removed"


@dataclass
class Clock:
    """A clock that a test sets."""

    seconds: float

    def __call__(self) -> float:
        return self.seconds


async def test_the_screen_is_drawn_once_a_minute_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    began = datetime.fromisoformat("2026-11-23T14:00:00+00:00").timestamp()
    clock = Clock(began + 30)
    monkeypatch.setattr("tui_trainer.ui.dashboard.view_state.time", clock)
    monkeypatch.setattr("tui_trainer.ui.pages.page_text.time", clock)
    app = notes_app(session())
    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "0 minutes since it began" in screen_text(app))
        assert app.dashboard is not None
        await settle(pilot)
        assert not app.dashboard.view_state.poll()
        clock.seconds += 29
        assert not app.dashboard.view_state.poll()
        clock.seconds += 10
        await until(pilot, lambda: "1 minute since it began" in screen_text(app))


def test_remarks_that_no_run_came_to_are_left_out() -> None:
    state = RunState(run="group")
    state.apply(ev.RunStarted(steps_per_epoch=10, epochs=8))
    state.apply(ev.Scalars(step=7, steps=[7], seconds=[0.1], values={"train_loss": [1.0]}))
    assert notes.told_and_coming(LESSON, [state], state) == ([0], [1, 2])
    state.apply(ev.RunFinished(reason="stopped", step=7))
    assert notes.told_and_coming(LESSON, [state], state)[1] == []
    assert notes.told_and_coming(LESSON, [state], state)[0] == [0, 2]


def test_a_number_in_a_range_is_answered_by_choice_and_number() -> None:
    question = LessonQuestion(text="How far?", choices=("below 2", "above"), measure="a:steps", limits=(2.0,))
    assert question.measured_text(3.5) == "above (3.5)"
    assert question.measured_text(float("nan")) == ""
    assert LESSON.questions[1].measured_text(float("inf")) == "infinite"


def test_notes_are_for_a_terminal() -> None:
    result = CliRunner().invoke(cli, ["attach", "--notes", "--once"])
    assert result.exit_code == 2
    assert "use only one of --notes and --once" in result.output
