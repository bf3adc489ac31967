"""The step index finds every measurement, and only the lines that hold it are read."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runs.sample_journals import altered, write
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import Journal, read_events
from tui_trainer.runs.loading.step_index import StepIndex, StepRange
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import RECENT, Series
from tui_trainer.state.zoomed_series import ZoomedSeries


def points(journal: Path) -> dict[str, dict[int, float]]:
    """Every value of every series by its step. Values that an undo removed are left out."""
    values_by_step: dict[str, dict[int, float]] = {}

    def add(name: str, step: int, value: float | None) -> None:
        if value is not None:
            values_by_step.setdefault(name, {})[step] = value

    for event in read_events(journal):
        match event:
            case ev.Scalars():
                for name, values in (*event.values.items(), ("seconds", event.seconds)):
                    for step, value in zip(event.steps, values, strict=True):
                        add(name, step, value)
            case ev.LayersMeasured():
                for name, layer in event.layers.items():
                    add(f"grad_norm/{name}", event.step, layer.grad_norm)
                    add(f"update_ratio/{name}", event.step, layer.update_ratio)
            case ev.EpochEnded():
                for name, value in event.metrics.items():
                    add("mean_train_loss" if name == "train_loss" else name, event.step, value)
            case ev.RolledBack():
                for values in values_by_step.values():
                    for step in [step for step in values if step > event.step]:
                        del values[step]
            case _:
                pass
    return values_by_step


def values_of(part: StepRange | None, first: float, last: float) -> dict[str, dict[int, float]]:
    assert part is not None
    return {
        name: {s: v for s, v in zip(series.steps, series.values, strict=True) if first <= s <= last}
        for name, series in part.series.items()
    }


@pytest.fixture(scope="module", params=[1, 2, 3])
def journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("lookup") / "run", request.param, 20_000)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, 20_000), width=st.integers(0, 4000))
def test_every_measurement_of_a_range_is_found(journal: Path, first: int, width: int) -> None:
    last = first + width
    true = {
        name: {step: value for step, value in values.items() if first <= step <= last}
        for name, values in points(journal).items()
    }
    found = values_of(StepIndex(journal).read(first, last), first, last)
    assert {name: values for name, values in found.items() if values} == {n: v for n, v in true.items() if v}


def test_it_follows_a_journal_that_grows_and_starts_again_when_it_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    source = write(tmp_path / "source", 4, 3000, over=False).read_bytes().splitlines(keepends=True)
    index = StepIndex(path)
    for end in (1, 10, len(source) - 5, len(source)):
        path.write_bytes(b"".join(source[:end]) + source[-1][:7])
        assert values_of(index.read(0, 1e9), 0, 1e9).get("lr", {}) == points(path).get("lr", {})
    event = ev.Scalars(step=1, steps=[1], seconds=[1.0], values={"lr": [5.0]})
    Journal(path, length=len(source[0])).close()
    with path.open("ab") as file:
        file.write(encode_event(event.model_copy(update={"seq": 2, "run": "source"})))
        file.write(b"x" * 400_000 + b"\n")
    assert values_of(index.read(0, 1e9), 0, 1e9)["lr"] == {1: 5.0}


def test_altered_lines_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "run", 5, 10_000)
    altered(path, random.Random(3), 10)
    true = {step: value for step, value in points(path)["lr"].items() if step <= 4000}
    assert values_of(StepIndex(path).read(0, 4000), 0, 4000)["lr"] == true
    assert len(true) < 4000


def test_a_range_above_the_limit_is_not_read(journal: Path) -> None:
    index = StepIndex(journal)
    assert index.read(0, 20_000, limit=1000) is None
    assert index.read(0, 300, limit=100_000) is not None


def test_a_zoomed_series_shows_a_spike_at_its_exact_step() -> None:
    full, near = Series(), Series()
    steps = range(1, 200_001)
    values = [1.0] * len(steps)
    values[100_000 - 1] = 9.0
    full.extend(list(steps), values)
    near.extend(list(steps[99_900:100_100]), values[99_900:100_100])
    close = ZoomedSeries(full, near, 99_901, 100_100)
    edges = [99_950.0 + k for k in range(101)]
    assert [c.first for c in close.columns(edges) if c is not None and c.high == 9.0] == [100_000]
    assert [c.count for c in close.columns(edges) if c is not None] == [1] * 99 + [2]
    assert close.at(100_000.5) == (100_000, 9.0)
    assert (full.grain(*edges[::100]), close.grain(*edges[::100])) == (full.width, 1)
    assert (close.last, close.count, close.last_step) == (full.last, full.count, full.last_step)


@pytest.mark.parametrize("last", [149_000, 195_000, 200_000])
def test_outside_the_zoomed_range_the_kept_series_answers(last: int) -> None:
    source, start = random.Random(1), last - 8000
    full, near = Series(), Series()
    values = [source.gauss(0, 1) for _ in range(200_000)]
    full.extend(list(range(1, 200_001)), values)
    near.extend(list(range(start, last + 1)), values[start - 1 : last])
    close = ZoomedSeries(full, near, start, last)
    edges = [100_000 + 100_000 * k / 256 for k in range(257)]
    found, kept = close.columns(edges), full.columns(edges)
    for (left, right), here, there in zip(pairwise(edges), found, kept, strict=True):
        assert here is not None
        if left >= start and right <= last:
            inside = [values[s - 1] for s in range(start, last + 1) if left <= s < right or s == right == edges[-1]]
            assert (here.low, here.high, here.count) == (min(inside), max(inside), len(inside))
        elif right <= start or left > last:
            assert here == there
    assert close.grain(start + 10, 199_000) == (1 if last >= full.steps[0] else full.width)
    assert len(full.steps) <= RECENT


def test_the_full_range_equals_the_folded_state(journal: Path) -> None:
    state = RunState()
    for event in read_events(journal):
        state.apply(event)
    part = StepIndex(journal).read(0, 1e9)
    assert part is not None
    for name, series in part.series.items():
        assert series.state_dict()["buckets"] == state.series[name].state_dict()["buckets"]
        assert series.steps == state.series[name].steps
