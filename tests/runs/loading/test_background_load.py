"""A subprocess folds a journal to the same state as this process; a sampled load holds only true values."""

from __future__ import annotations

import random
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.runs.sample_journals import altered, write
from tui_trainer.runs.journal import Follower, read_events
from tui_trainer.runs.loading.background_load import MIN_BYTES, BackgroundLoader, LoadedState, start_background_load
from tui_trainer.runs.loading.sampled_load import sampled_load
from tui_trainer.runs.loading.state_cache import cache_path, read_state_cache, write_state_cache
from tui_trainer.state.run_state import RunState

LONG = 30.0
"""Seconds within which every load ends."""


def folded(journal: Path) -> RunState:
    state = RunState(run=journal.parent.name)
    for event in read_events(journal):
        state.apply(event)
    return state


def load(journal: Path) -> LoadedState | None:
    """Load a journal in a subprocess and wait for it to end."""
    loader = BackgroundLoader(journal)
    try:
        until = monotonic() + LONG
        while (loaded := loader.poll()) is None and not loader.failed and monotonic() < until:
            sleep(0.01)
        loader._process.wait(LONG)
        return loaded
    finally:
        loader.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_subprocess_loads_what_this_process_would(tmp_path: Path, seed: int) -> None:
    journal = write(tmp_path / "long", seed, 20_000)
    loaded = load(journal)
    assert loaded is not None
    assert loaded.state.model_dump_json() == folded(journal).model_dump_json()
    assert (loaded.offset, loaded.skipped) == (journal.stat().st_size, 0)


def test_the_state_of_a_finished_run_is_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 3, 20_000)
    assert journal.stat().st_size > 1 << 20
    loaded = load(journal)
    cached = read_state_cache(journal)
    assert loaded is not None
    assert cached is not None
    assert cached[0].model_dump_json() == loaded.state.model_dump_json()
    assert [path.name for path in sorted(journal.parent.iterdir())] == [".fold.json", "events.jsonl"]
    monkeypatch.setattr("tui_trainer.runs.loading.background_load.MIN_BYTES", 0)
    assert start_background_load(journal) is None


def test_altered_and_torn_lines_are_counted_and_nothing_is_cached(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 4, 20_000)
    altered(journal, random.Random(0), 5)
    with journal.open("ab") as file:
        file.write(b'{"seq":99999,"type":"Noted"')
    follower = Follower(journal)
    state = RunState(run="long")
    while events := follower.read():
        for event in events:
            state.apply(event)
    loaded = load(journal)
    assert loaded is not None
    assert loaded.skipped == follower.skipped > 0
    assert loaded.state.model_dump_json() == state.model_dump_json()
    assert not cache_path(journal).exists()


def test_a_run_that_is_not_over_is_not_cached(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 5, 20_000, over=False)
    assert load(journal) is not None
    assert not cache_path(journal).exists()


def test_a_missing_journal_loads_nothing(tmp_path: Path) -> None:
    assert load(tmp_path / "none.jsonl") is None


def test_a_short_journal_starts_no_subprocess(tmp_path: Path) -> None:
    journal = write(tmp_path / "short", 6, 1000)
    assert journal.stat().st_size < MIN_BYTES
    assert start_background_load(journal) is None
    assert start_background_load(tmp_path / "none.jsonl") is None


def test_closing_early_ends_the_subprocess_and_leaves_no_file(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 7, 20_000)
    loader = BackgroundLoader(journal)
    loader.close()
    assert loader._process.returncode is not None
    assert {path.name for path in journal.parent.iterdir()} <= {"events.jsonl", ".fold.json"}


def test_a_sampled_load_has_both_ends_and_only_true_values(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 8, 60_000)
    sampled, full = sampled_load(journal), folded(journal)
    assert (sampled.step, sampled.status, sampled.reason) == (full.step, "finished", "completed")
    assert sampled.started == full.started
    true = {
        name: {(step, value) for event in read_events(journal) if event.type == "Scalars"
               for step, value in zip(event.steps, event.values[name], strict=True)}
        for name in ("train_loss", "lr")
    }  # fmt: skip
    for name, points in true.items():
        series = sampled.series[name]
        assert 1000 < series.count < full.series[name].count
        assert set(zip(series.steps, series.values, strict=True)) <= points
        first, last = min(step for step, _ in points), max(step for step, _ in points)
        assert (series.first_step, series.last_step) == (first, last)


def test_a_sampled_load_of_a_damaged_file_is_empty(tmp_path: Path) -> None:
    journal = tmp_path / "events.jsonl"
    journal.write_bytes(bytes(random.Random(0).randrange(256) for _ in range(300_000)))
    assert sampled_load(journal).step == 0
    journal.write_bytes(b"")
    assert sampled_load(journal).seq == 0


def test_a_host_can_write_the_cache(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 9, 20_000)
    write_state_cache(journal, folded(journal))
    assert read_state_cache(journal) is not None
