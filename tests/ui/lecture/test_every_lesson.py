"""Every lesson of the lecture, driven to its end: each remark has run, chart, axis and range in front."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.ui.fake_session import app_over, press, screen_text, show, until
from tests.ui.lecture.guided_session import Course, GuidedSession
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import preset_tables
from tui_trainer.lecture.outline import ROWS
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.ui.charts.registry import pane_named
from tui_trainer.ui.charts.view import Limits
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.lecture import remark_view
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.panels.progress import variant_of

NAMES = [name for name, table in preset_tables().items() if "lesson" in table]
QUICK = {"gd-vs-sgd", "lr-high", "layer-speed", "zigzag", "perceptron"}
STEPS = {
    "backprop": 1,
    "batch-size": {"batch-1": 1257, "batch-8": 158, "batch-128": 10, "full": 1},
    "coord-scale": 50,
    "early-stop": 79,
    "gd-vs-sgd": {"gd": 1, "sgd": 125, "sgd-decay": 125},
    "grad-noise": {"batch-8": 158, "batch-128": 10, "batch-512": 3},
    "grad-norm-stop": 79,
    "head-binary": 13,
    "head-regression": 10,
    "head-vector": 20,
    "hessian-stop": 1,
    "lr-high": 79,
    "overfit-tiny": 1,
    "perceptron": 500,
    "plateau-train": 79,
    "plateau-val": 79,
    "robbins-monro": 100,
    "scheduler-zoo": 5,
    "schedules": 79,
    "second-order": 10,
    "zigzag": {"exact-line-search": 4, "one-over-L": 4, "two-over-L-plus-mu": 4},
}
"""Steps of an epoch, by preset or variant; 40 where they are not listed. Only the ratios matter here."""
MOST_STEPS = 4000
"""Runs are cut after so many steps, to be drawn quickly."""


def steps_of(name: str, variant: str) -> int:
    found = STEPS.get(name, 40)
    return found if isinstance(found, int) else found.get(variant, 40)


@cache
def lesson_of(name: str) -> Lesson:
    lesson = load(name).first.lesson
    assert lesson is not None
    return lesson


class OneLesson:
    """The lecture with one lesson, whose runs train by formula."""

    def __init__(self, name: str) -> None:
        self.info = LessonInfo(name, name, "algorithms", lesson_of(name))
        self.session = GuidedSession({variant: _course(name, variant) for variant in load(name).runs})

    def lessons(self) -> list[LessonInfo]:
        return [self.info]

    def start_lesson(self, preset: str) -> Session:
        return self.session


def _course(name: str, variant: str) -> Course:
    config = load(name).runs[variant]
    per_epoch = steps_of(name, variant)
    pictures = [
        ev.PictureTaken(name=spec.kind, kind="lines", data={"kind": "lines", "lines": []}) for spec in config.pictures
    ]
    epochs = max(min(config.training.epochs, MOST_STEPS // per_epoch), 1)
    return Course(per_epoch, epochs, config.model_dump(mode="json", exclude_none=True), pictures)


@pytest.mark.parametrize("size", [(80, 24), (100, 30)], ids=["80x24", "100x30"])
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in NAMES]
)
async def test_each_remark_has_what_it_speaks_of_in_front(name: str, size: tuple[int, int]) -> None:
    await drive(name, size)


async def drive(name: str, size: tuple[int, int]) -> None:
    """Take a lesson from its questions to its last remark, and look at each remark what is in front."""
    lesson, lecture = lesson_of(name), OneLesson(name)
    app = app_over(programme=LecturePlan(lecture, lesson.rows[:1]))
    async with show(app, size) as pilot:
        await until(pilot, lambda: app.dashboard is not None and app.dashboard.composed)
        assert app.dashboard is not None
        state = app.dashboard.view_state
        for question in lesson.questions:
            asked = " ".join(question.text.split()[:4])
            await until(pilot, lambda asked=asked: "Predict" in screen_text(app) and asked in screen_text(app))
            assert lesson.shows.split(".")[0][:40] not in screen_text(app), "the result before the question"
            await press(pilot, "escape")
        await until(pilot, lambda: state.narrator.shown)
        seen: list[int] = []
        axis, scale = "step", None
        while True:
            index = state.narrator.shown[-1]
            remark = lesson.remarks[index]
            seen.append(index)
            axis = remark.axis or axis
            scale = remark.log_y if remark.log_y is not None else scale
            assert state.view.span == remark.x
            assert state.view.axis == axis
            assert state.view.log_y == scale
            assert state.selected_run is not None
            if remark.run:
                assert variant_of(state.selected_run) == remark.run
            if remark.show and remark.show != "all":
                pane = pane_named(remark.show, state.states, state.selected_index)
                assert pane is not None, f"no run of {name} has a {remark.show}"
                assert state.maximized == pane
                assert state.view.limits.get(str(pane), Limits()).y == (remark.y or (None, None))
            elif remark.show:
                assert state.maximized is None
            first = " ".join(remark.text.split()[:4])
            await until(pilot, lambda first=first: first in screen_text(app))
            if state.narrator.told:
                break
            await press(pilot, "space")
            await until(pilot, lambda: state.narrator.shown[-1] != seen[-1])
        assert seen == state.narrator.relevant


@pytest.mark.parametrize("lost", ["run", "show", "axis", "x", "log_y"])
async def test_a_remark_that_does_not_choose_is_found(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    apply = remark_view.apply
    nothing = Remark(at="start", text="-").model_dump()[lost]

    def forgetful(remark: Remark, state: ViewState) -> None:
        apply(remark.model_copy(update={lost: nothing}), state)

    monkeypatch.setattr(remark_view, "apply", forgetful)
    with pytest.raises(AssertionError):
        await drive("gd-vs-sgd", (80, 24))


def test_every_row_of_the_lecture_is_driven() -> None:
    assert {row for name in NAMES for row in lesson_of(name).rows} == ROWS.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_runs_and_charts_of_the_remarks_exist(name: str) -> None:
    runs, lesson = load(name).runs, lesson_of(name)
    for number, remark in enumerate(lesson.remarks):
        if len(runs) > 1:
            assert remark.run in runs, f"remark {number}"
        assert not re.search(r"selected run|[Ss]elect (?!no other)[a-z-]+ (?:or [a-z-]+ )?with tab", remark.text)
        named = [run for run in runs if "-" in run and re.search(rf"(?<![\w-]){re.escape(run)}(?![\w-])", remark.text)]
        if len(named) == 1:
            assert remark.run == named[0], f"remark {number} speaks of {named[0]}"


@pytest.mark.parametrize(
    ("name", "row", "run", "labels"),
    [
        ("lr-very-high", "S37", "climbing", ["100", "10", "1", "0.1", "0.01"]),
        ("lr-high", "S39", "very-high", ["5", "4", "3", "2", "1", "0"]),
    ],
)
async def test_a_curve_that_explodes_leaves_room_for_the_others(
    name: str, row: str, run: str, labels: list[str]
) -> None:
    lecture = OneLesson(name)
    app = app_over(programme=LecturePlan(lecture, (row,)))
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: app.dashboard is not None and app.dashboard.composed)
        assert app.dashboard is not None
        while "Predict" in screen_text(app) or not app.dashboard.view_state.narrator.shown:
            await press(pilot, "escape")
        exploding = next(course for course in lecture.session.courses if course.endswith(run))
        step = app.dashboard.view_state.store.states[exploding].step
        values: dict[str, list[float | None]] = {"train_loss": [2.0, 1e30]}
        found = ev.Scalars(step=step + 2, steps=[step + 1, step + 2], seconds=[0.2, 0.3], values=values)
        lecture.session.play(found, run=exploding)
        await until(pilot, lambda: "▲" in screen_text(app))
        assert re.findall(r"^ *(\S+)┤", screen_text(app), re.MULTILINE) == labels
