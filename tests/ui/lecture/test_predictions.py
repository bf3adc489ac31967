"""Predictions: asked before the first step, answered by the runs on the screen, and remembered."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.ui.fake_session import app_over, loss, press, screen_text, show, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.config.teaching.question import LessonQuestion
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.screens.contents import Contents

RATIO = LessonQuestion(
    text="How many times as large is the first loss?", measure="a:val_loss@1 / b:val_loss@-1", unit="x"
)
LOWER = LessonQuestion(
    text="Which loss is the lower one?",
    choices=("that of a", "that of b"),
    measures=("a:val_loss@-1", "b:val_loss@-1"),
    best="lowest",
)
LESSON = Lesson(
    rows=("S18",),
    shows="The result, which is no question.",
    says="A claim.",
    truth="It is so.",
    questions=(RATIO, LOWER),
    remarks=(Remark(at="start", text="It begins.", run="a"), Remark(at="end", text="It ends.", run="b")),
)
CONFIG = {"lesson": LESSON.model_dump(mode="json", exclude_none=True)}
MEASURED = loss(10) / loss(80)


class OneLesson:
    """The lecture with this lesson alone."""

    def __init__(self) -> None:
        self.session = GuidedSession({"a": Course(10, 4, CONFIG), "b": Course(10, 8, CONFIG)})

    def lessons(self) -> list[LessonInfo]:
        return [LessonInfo("gd-vs-sgd", "GD beside SGD", "algorithms", LESSON, ("a", "b"))]

    def start_lesson(self, preset: str) -> Session:
        return self.session


async def test_the_questions_come_before_the_first_step_and_the_runs_answer_them() -> None:
    lecture = OneLesson()
    app = app_over(programme=LecturePlan(lecture))
    async with show(app, (100, 40)) as pilot:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        text = screen_text(app)
        assert RATIO.text in text
        assert LOWER.text in text
        assert "no question" not in text
        assert "✓" not in text
        await press(pilot, "enter")
        await until(pilot, lambda: "Predict, 1 of 2" in screen_text(app))
        assert lecture.session.sent == []
        assert "esc skip" in screen_text(app)
        assert LESSON.says not in screen_text(app), "the claim of the lecture answers the question"
        await press(pilot, *"lots", "enter")
        assert "enter a factor, such as 3, or press esc to skip" in screen_text(app)
        await press(pilot, *["backspace"] * 4, *"10x", "enter")
        await until(pilot, lambda: "that of b" in screen_text(app))
        assert lecture.session.sent == []
        assert "esc skip" in screen_text(app)
        assert LESSON.says not in screen_text(app)
        await press(pilot, "2")
        await until(pilot, lambda: "It begins." in screen_text(app))
        assert f"lecture: {LESSON.says}" in screen_text(app)
        await press(pilot, "space")
        await until(pilot, lambda: "It ends." in screen_text(app))
        assert f"you said 10x, it was {MEASURED:.3g}x; you said that of b" in screen_text(app)
        await press(pilot, "space")
        await until(pilot, lambda: "Your predictions" in screen_text(app))
        page = screen_text(app)
        assert f"You said 10x, it was {MEASURED:.3g}x: not right." in page
        assert "You said that of b, and it was: right." in page
        await press(pilot, "escape", "q")
        await until(pilot, lambda: isinstance(app.screen, Contents))
        await until(pilot, lambda: "✓✓✓" in screen_text(app))
        assert "What the runs show" in screen_text(app)
    content = json.loads((Path(os.environ["XDG_STATE_HOME"]) / "tui-trainer" / "lecture.json").read_text())
    kept = content["lessons"]["gd-vs-sgd"]
    assert (kept["predicted"], kept["right"]) == (2, 1)
    assert kept["seen"]


async def test_questions_can_be_skipped() -> None:
    app = app_over(programme=LecturePlan(OneLesson(), ("S18",)))
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "Predict, 1 of 2" in screen_text(app))
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: "It begins." in screen_text(app))
        await press(pilot, "space")
        await until(pilot, lambda: "It ends." in screen_text(app))
        assert "you said" not in screen_text(app)


async def test_autoplay_asks_nothing() -> None:
    app = app_over(programme=LecturePlan(OneLesson(), ("S18",), True))
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "It begins." in screen_text(app))
