"""The contents of a course of one's own."""

from __future__ import annotations

from pathlib import Path

from tests.ui.fake_session import app_over, screen_text, show, until
from tui_trainer.config.teaching.course import read_course
from tui_trainer.session.connect import RunDirectory
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.screens.contents import Contents

TINY = Path(__file__).parents[2] / "fixtures" / "course"


async def test_the_contents_show_whose_course_it_is() -> None:
    course = read_course(TINY)
    plan = LecturePlan(RunDirectory(None, course=course), course=course)
    app = app_over(programme=plan)
    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "Nothing happens" in screen_text(app))
        shown = screen_text(app)
        assert isinstance(app.screen, Contents)
        assert "Two ideas · A. Teacher · Night school, 2026" in shown
        assert shown.index("rate-1") < shown.index("W1")
