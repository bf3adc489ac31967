"""The strips of the layers page: a sign and a colour for each layer and time, the numbers at the cursor."""

from __future__ import annotations

from typing import Any

import pytest
from textual.content import Content

from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Undo
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.icons import FANCY, PLAIN, Icons
from tui_trainer.ui.panels.layer_strips import MEASURES, StripView, strip_lines


def measured(steps: int = 10) -> RunState:
    """Return a run whose update ratio of `low` falls by a factor of ten, and that of `fine` stays at 0.001."""
    state = RunState(run="run")
    for number in range(steps):
        layers = {
            "low": ev.Layer(update_ratio=10 ** (-3 - number / 3), grad_norm=2.0**number, weight_norm=4.0),
            "fine": ev.Layer(update_ratio=1e-3, grad_norm=1.0, weight_norm=1.0 + number, dead=number / 10),
        }
        state.apply(ev.LayersMeasured(step=100 * number, layers=layers))
    return state


def lines(state: RunState, view: StripView, width: int = 60, icons: Icons = FANCY) -> list[Content]:
    return strip_lines(["low", "fine"], state.series, view, width, icons)


def test_the_healthy_ratio_is_the_middle_and_a_falling_one_sinks_to_the_bottom():
    heading, keys, low, fine, feet = lines(measured(), StripView(0, 0.0, 900.0))
    assert heading.plain == "update / weights over the steps"
    assert keys.plain.split() == ["1", "update", "2", "gradient", "3", "weights", "4", "silent"]
    assert set(fine.plain.split()[1]) == {"▄"}
    sinking = low.plain.split()[1]
    assert (sinking[0], sinking[-1]) == ("▄", "▁")
    assert list(sinking) == sorted(sinking, reverse=True)
    assert fine.plain.rstrip().endswith("0.001")
    assert low.plain.rstrip().endswith("1e-06")
    assert feet.plain.split() == ["step", "0", "900", "@", "900"]


def test_the_cursor_chooses_the_numbers_and_its_column_is_marked():
    _, _, _, fine, feet = lines(measured(), StripView(2, 0.0, 900.0, cursor=450.0))
    assert fine.plain.split()[-1] == "5"
    assert feet.plain.endswith("@ 450")
    assert any("reverse" in str(span.style) for span in fine.spans)


@pytest.mark.parametrize(("measure", "shown"), [(1, "512"), (2, "4"), (3, "90%")])
def test_each_measure_has_its_strips(measure, shown):
    found = lines(measured(), StripView(measure, 0.0, 900.0))
    assert found[0].plain.startswith(f"{MEASURES[measure].label} over the steps")
    assert found[2].plain.split()[-1] == shown
    assert len(found) == (4 if measure == 3 else 5)  # one layer has no units that could be silent


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("icons", [FANCY, PLAIN])
def test_strips_fit_and_signs_are_ascii_where_asked(width, icons):
    found = lines(measured(), StripView(0, 0.0, 900.0, 300.0), width, icons)
    assert max(line.cell_length for line in found[2:4]) <= width
    assert all(line.plain.isascii() for line in found) or icons is FANCY


def test_nothing_is_drawn_before_the_first_measurement_and_a_broken_value_is_blank():
    assert lines(RunState(run="x"), StripView())[2].plain == "not measured yet"
    state = measured()
    state.apply(ev.LayersMeasured(step=1000, layers={"fine": ev.Layer(update_ratio=0.0)}))
    found = lines(state, StripView(0, 500.0, 2000.0))
    assert found[3].plain.count("▁") > 3


def test_an_undo_takes_the_strips_back():
    plan = LrPlan.begin(Constant(), 0.1, step=0, end=2000, steps_per_epoch=100)
    settings: dict[str, Any] = {
        "seconds": 1.0, "epochs": 1, "lr": 0.1, "clip_grad_norm": 0.0, "patience": 1, "min_delta": 0.0,
        "early_stopping": False, "bad_epochs": 0, "plan": plan, "optimizer": None,
    }  # fmt: skip
    state = measured()
    restored = ev.Restored(from_step=900, undid="a", **settings)
    state.apply(ev.RolledBack(to="x", from_epoch=0, step=350, restored=restored, cause=Undo()))
    assert state.series["layer_weight_norm/fine"].steps[-1] == 300
