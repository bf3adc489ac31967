"""A screen for a projector: no keys, short remarks, thick lines with their names; the keys act all the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from tests.ui.fake_session import app_over, press, running, screen_text, show, until
from tests.ui.lecture.test_guiding import OneLesson, opened
from tui_trainer.cli.main import cli
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.protocol import commands as cmd
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.lecture.narration import narration
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.settings import Settings

PROJECTOR = Settings(projector=True)
SIZES = ((80, 24), (140, 40))
KEYS = re.compile(r"space (go on|pause)|\? help|q quit|\? all keys|W full text")


def plot_lines(text: str) -> list[str]:
    """Return what stands right of the vertical axes of the charts."""
    return [line for row in text.splitlines() for line in re.split("[│┤]", row)[1:]]


@pytest.mark.parametrize("size", SIZES)
async def test_a_lesson_has_no_keys_and_names_at_its_thick_curves(size: tuple[int, int]) -> None:
    lecture = OneLesson()
    app = app_over(programme=LecturePlan(lecture, ("S18",)), settings=PROJECTOR)
    async with show(app, size) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "First by iteration" in screen_text(app))
        assert not KEYS.search(screen_text(app))
        await press(pilot, "space")
        await until(pilot, lambda: "Now by epoch" in screen_text(app))
        await press(pilot, "space")
        await until(pilot, lambda: "The loss of one" in screen_text(app))
        await press(pilot, "1")
        text = screen_text(app)
        assert not KEYS.search(text)
        assert not re.search("[\u2801-\u28ff]", text), "braille"
        assert re.search("[▀▄▌▐▛▜▙▟]", text)
        plots = plot_lines(text)
        for name in ("gd", "sgd"):
            assert any(re.search(rf"(^|\W){name}(\W|$)", line) for line in plots), name
        await press(pilot, "space")
        await until(pilot, lambda: "Back to all charts" in screen_text(app))
        assert screen_text(app).rstrip().splitlines()[-1].strip().startswith("Back to all charts")
        await press(pilot, "space")
        await until(pilot, lambda: "What is true" in screen_text(app))


async def test_the_lecture_without_a_projector_names_its_keys() -> None:
    app = app_over(programme=LecturePlan(OneLesson(), ("S18",)))
    async with show(app, (80, 24)) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "First by iteration" in screen_text(app))
        assert KEYS.search(screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_drawn_without_log_and_status_and_its_keys_act(size: tuple[int, int]) -> None:
    session = running()
    app = app_over(session, settings=PROJECTOR)
    async with show(app, size) as pilot:
        assert app.dashboard is not None
        text = screen_text(app)
        assert not KEYS.search(text)
        assert "events" not in text
        assert "steps/s" not in text
        plots = plot_lines(text)
        assert any(" train" in line for line in plots)
        assert any(" val" in line for line in plots)
        await press(pilot, "space")
        session.last(cmd.Pause)
        await until(pilot, lambda: "sent: pause" in screen_text(app))  # in place of a line of numbers
        await press(pilot, "2")
        assert app.dashboard.view_state.maximized == ChartKind.RATE
        await press(pilot, "question_mark")
        await until(pilot, lambda: "type to filter" in screen_text(app))


async def test_the_contents_have_no_keys_either() -> None:
    app = app_over(programme=LecturePlan(OneLesson()), settings=PROJECTOR)
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        assert "enter open" not in screen_text(app)
        assert "q leave" not in screen_text(app)


def lines(text: str, width: int, height: int) -> list[str]:
    """Return the narration of a remark."""
    lesson = Lesson(rows=("S18",), shows="It falls.", remarks=(Remark(at="start", text=text),))
    narrator = Narrator(lesson=lesson, shown=[0], relevant=[0])
    return narration(narrator, width, height).plain.splitlines()


def test_a_remark_in_two_lines_ends_with_a_whole_sentence() -> None:
    text = "The loss falls fast. Then it is flat for a while. At last it falls again, more slowly than before."
    assert lines(text, 40, 2) == ["The loss falls fast. Then it is flat for", "a while. …"]
    assert lines(text, 60, 2)[-1].endswith("before.")
    assert lines("word " * 40, 20, 2)[-1].endswith("…")


def test_commands_take_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Settings] = []

    def taken(*_: Any, settings: Settings, **__: Any) -> list[str]:
        seen.append(settings)
        return []

    monkeypatch.setattr("tui_trainer.ui.printing.print_screen.print_screen", taken)
    for arguments in (["lecture", "--once", "--projector"], ["lecture", "--once"]):
        result = CliRunner().invoke(cli, arguments, standalone_mode=False)
        assert result.exception is None
    assert [settings.projector for settings in seen] == [True, False]
