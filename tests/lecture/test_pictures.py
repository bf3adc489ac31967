"""What each lesson says of its charts is there to be seen, and has room on a small screen."""

from __future__ import annotations

import pytest

from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.config.preset import load, preset_names
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.pictures.results import NAME, grid_of
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.dashboard.layout import LayoutRequest, arrange
from tui_trainer.ui.lecture.narration import MORE, narration
from tui_trainer.ui.lecture.narrator import Narrator

NAMES = [name for name in preset_names() if load(name).first.lesson is not None]
SMALL = (80, 24)


def _lesson(config: RunConfig) -> Lesson:
    assert config.lesson is not None
    return config.lesson


@pytest.mark.parametrize("name", NAMES)
def test_remarks_turn_to_what_the_run_in_front_has(name: str) -> None:
    preset = load(name)
    kinds = {shot.kind for shot in preset.first.pictures}
    known = {"all", *(str(kind) for kind in ChartKind), *kinds}
    if preset.first.training.layers_every == 0:
        known -= {"layers"} - kinds
    states = [_state(f"set/{variant}") for variant in preset.runs]
    if grid_of(states):
        known.add(NAME)
    shown = [remark.show for remark in _lesson(preset.first).remarks if remark.show]
    assert [show for show in shown if show not in known] == []
    assert kinds <= {*shown}, "a picture that no remark turns to"


@pytest.mark.parametrize("name", NAMES)
def test_every_remark_is_whole_on_a_small_screen(name: str) -> None:
    width, height = SMALL
    room = arrange(width, height, LayoutRequest(6, lesson=True)).narration
    lesson = _lesson(load(name).first)
    for remark in (*lesson.remarks, Remark(at="start", text=lesson.shows)):
        alone = lesson.model_copy(update={"remarks": (remark,), "says": "", "truth": ""})
        text = narration(Narrator(lesson=alone, shown=[0]), width - 2, room).plain
        assert not text.endswith(MORE), f"{remark.text!r} takes more than {room - 1} lines of {width - 2} cells"


def _state(run: str) -> RunState:
    state = RunState(run=run)
    state.apply(ev.RunStarted(run=run, seq=1, title=run, config={}))
    return state


def test_the_grid_of_initialisations_is_a_table() -> None:
    grid = grid_of([_state(f"init-grid/{variant}") for variant in load("init-grid").runs])
    assert len({row for row, _ in grid}) == 7
    assert len({column for _, column in grid}) == 9
