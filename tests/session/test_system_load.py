"""A host records the load of its runs where the configuration says so, and a journal of earlier code still opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.session.conftest import run_host, spec_for
from tui_trainer.engine.monitoring import system_load
from tui_trainer.runs.journal import read_events
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series_names import SYSTEM, group_of


@pytest.mark.parametrize("recorded", [True, False])
def test_the_load_is_in_the_journal_unless_it_is_switched_off(tmp_path, monkeypatch, recorded):
    monkeypatch.setattr(system_load, "PERIOD", 0.0)
    spec = spec_for(tmp_path, training={"epochs": 3, "system_load": recorded})
    _, thread = run_host(spec)
    thread.join(120)
    assert not thread.is_alive()
    state = RunState()
    state.apply(*read_events(Path(spec.runs[0].path) / "events.jsonl"))
    load = {name for name in state.series if group_of(name) == SYSTEM}
    assert bool(load) is recorded
    assert state.series["train_loss"].count == 15
    if recorded:
        assert (state.series["system/memory"].last or 0) > 10


def test_runs_of_earlier_code_have_no_such_series():
    state = RunState()
    state.apply(*read_events(Path("tests/fixtures/runs-0.1/steered/events.jsonl")))
    assert state.over
    assert not [name for name in state.series if group_of(name) == SYSTEM]
