"""A lesson is trained again: from a remark, and with the values that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.ui.fake_session import app_over, finished, press, screen_text, show, started, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.session import rerun
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.ui.lecture.again import next_value
from tui_trainer.ui.lecture.tour import LecturePlan

LESSON = Lesson(
    rows=("S38",),
    shows="A low rate creeps.",
    tries=("optimizer.lr", 0.01, 0.1, 1),
    remarks=(
        Remark(at="start", text="It begins."),
        Remark(epoch=2, text="The second epoch."),
        Remark(epoch=4, text="The fourth epoch."),
        Remark(at="end", text="It ends."),
    ),
)


def session(lr: float) -> GuidedSession:
    config = {"lesson": LESSON.model_dump(mode="json", exclude_none=True), "optimizer": {"lr": lr}}
    return GuidedSession({"a": Course(10, 6, config), "b": Course(10, 6, config)})


class OneLesson:
    """The lecture with this lesson alone."""

    def lessons(self) -> list[LessonInfo]:
        return [LessonInfo("lr-low", "A low rate", "diagnosis", LESSON)]

    def start_lesson(self, preset: str) -> Session:
        return session(0.01)


@pytest.mark.parametrize(
    ("lr", "forward", "back"),
    [(0.01, "0.1", "1"), (1.0, "0.01", "0.1"), (0.05, "0.1", "0.01"), (5.0, "0.01", "1"), (0.001, "0.01", "1")],
)
def test_the_next_value_follows_the_present_one(lr: float, forward: str, back: str) -> None:
    run = started(config={"optimizer": {"lr": lr}})
    assert next_value(LESSON, run, 1) == f"optimizer.lr={forward}"
    assert next_value(LESSON, run, -1) == f"optimizer.lr={back}"
    words = LESSON.model_copy(update={"tries": ("model.activation", "relu", "tanh")})
    assert next_value(words, started(config={"model": {"activation": "relu"}}), 1) == "model.activation=tanh"


async def test_keys_train_again_from_a_remark_and_with_the_next_value(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[tuple[str, ...], bool]] = []
    sessions: list[GuidedSession] = []

    def again(
        folders: Mapping[str, str], overrides: Sequence[str], notes: Sequence[str] = (), *, hold: bool = False
    ) -> Session:
        begun.append((tuple(overrides), hold))
        sessions.append(session(float(overrides[0].split("=")[1]) if overrides else 0.01))
        return sessions[-1]

    monkeypatch.setattr(rerun, "rerun_session", again)
    app = app_over(programme=LecturePlan(OneLesson(), ("S38",)))
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "It begins." in screen_text(app))
        for words in ("The second epoch.", "The fourth epoch."):
            await press(pilot, "space")
            await until(pilot, lambda words=words: words in screen_text(app))
        await press(pilot, "left_parenthesis", "backspace")
        await until(pilot, lambda: "play the lesson again" in screen_text(app))
        assert begun == [], "it asks while something trains"
        assert app.dashboard is not None
        first: Any = app.dashboard.view_state.store.session
        await press(pilot, "s")
        await until(pilot, lambda: begun == [((), True)])
        await until(pilot, lambda: "The second epoch." in screen_text(app))
        assert [course.step for course in sessions[-1].courses.values()] == [20, 20]
        assert first.closed
        for words in ("The fourth epoch.", "It ends."):
            await press(pilot, "space")
            await until(pilot, lambda words=words: words in screen_text(app))
        await press(pilot, "v")
        await until(pilot, lambda: len(begun) == 2)
        assert begun[-1] == (("optimizer.lr=0.1",), True)
        assert "optimizer.lr=0.1; behind the charts: a before" in screen_text(app)
        assert app.dashboard.view_state.sets.baseline.endswith("runs/digits")
        await until(pilot, lambda: "It begins." in screen_text(app))


async def test_a_run_without_values_says_so() -> None:
    scripted = GuidedSession({"": Course(10, 2, {})})
    scripted.play(finished())
    app = app_over(scripted)
    async with show(app, (100, 30)) as pilot:
        await press(pilot, "v")
        await until(pilot, lambda: "no lesson that names values to try" in screen_text(app))
