"""A journal read by another process folds to the same state as one read here; a glance at it holds only what is so."""

from __future__ import annotations

import random
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.runs.sample_journals import altered, write
from tui_trainer.runs.journal import Follower, read_events
from tui_trainer.runs.loading.background_load import WORTH, BackgroundLoader, LoadedState, read_ahead
from tui_trainer.runs.loading.sampled_load import sampled_load
from tui_trainer.runs.loading.state_cache import fold_path, read_fold, write_fold
from tui_trainer.state.run_state import RunState

LONG = 30.0
"""Seconds that no reading takes."""


def folded(journal: Path) -> RunState:
    state = RunState(run=journal.parent.name)
    for event in read_events(journal):
        state.apply(event)
    return state


def read(journal: Path) -> LoadedState | None:
    """What another process made of it, once that process has ended."""
    reading = BackgroundLoader(journal)
    try:
        until = monotonic() + LONG
        while (found := reading.take()) is None and not reading.failed and monotonic() < until:
            sleep(0.01)
        reading._process.wait(LONG)
        return found
    finally:
        reading.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_another_process_reads_what_this_one_would(tmp_path: Path, seed: int) -> None:
    journal = write(tmp_path / "long", seed, 20_000)
    found = read(journal)
    assert found is not None
    assert found.state.model_dump_json() == folded(journal).model_dump_json()
    assert (found.offset, found.skipped) == (journal.stat().st_size, 0)


def test_the_fold_of_a_finished_run_stays_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 3, 20_000)
    assert journal.stat().st_size > 1 << 20
    found = read(journal)
    kept = read_fold(journal)
    assert found is not None
    assert kept is not None
    assert kept[0].model_dump_json() == found.state.model_dump_json()
    assert [path.name for path in sorted(journal.parent.iterdir())] == [".fold.json", "events.jsonl"]
    monkeypatch.setattr("tui_trainer.runs.loading.background_load.WORTH", 0)
    assert read_ahead(journal) is None


def test_altered_and_torn_lines_are_counted_and_never_forgotten(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 4, 20_000)
    altered(journal, random.Random(0), 5)
    with journal.open("ab") as file:
        file.write(b'{"seq":99999,"type":"Noted"')
    follower = Follower(journal)
    state = RunState(run="long")
    while events := follower.read():
        for event in events:
            state.apply(event)
    found = read(journal)
    assert found is not None
    assert found.skipped == follower.skipped > 0
    assert found.state.model_dump_json() == state.model_dump_json()
    assert not fold_path(journal).exists()


def test_a_run_that_is_not_over_leaves_no_fold(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 5, 20_000, over=False)
    assert read(journal) is not None
    assert not fold_path(journal).exists()


def test_a_journal_that_cannot_be_read_is_no_answer(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") is None


def test_a_short_journal_is_read_here(tmp_path: Path) -> None:
    journal = write(tmp_path / "short", 6, 1000)
    assert journal.stat().st_size < WORTH
    assert read_ahead(journal) is None
    assert read_ahead(tmp_path / "none.jsonl") is None


def test_one_who_leaves_early_leaves_nothing_behind(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 7, 20_000)
    reading = BackgroundLoader(journal)
    reading.close()
    assert reading._process.returncode is not None
    assert {path.name for path in journal.parent.iterdir()} <= {"events.jsonl", ".fold.json"}


def test_a_glance_knows_both_ends_and_invents_nothing(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 8, 60_000)
    seen, whole = sampled_load(journal), folded(journal)
    assert (seen.step, seen.status, seen.reason) == (whole.step, "finished", "completed")
    assert seen.started == whole.started
    true = {
        name: {(step, value) for event in read_events(journal) if event.type == "Scalars"
               for step, value in zip(event.steps, event.values[name], strict=True)}
        for name in ("train_loss", "lr")
    }  # fmt: skip
    for name, points in true.items():
        series = seen.series[name]
        assert 1000 < series.count < whole.series[name].count
        assert set(zip(series.steps, series.values, strict=True)) <= points
        first, last = min(step for step, _ in points), max(step for step, _ in points)
        assert (series.first_step, series.last_step) == (first, last)


def test_a_glance_at_a_torn_file_is_no_accident(tmp_path: Path) -> None:
    journal = tmp_path / "events.jsonl"
    journal.write_bytes(bytes(random.Random(0).randrange(256) for _ in range(300_000)))
    assert sampled_load(journal).step == 0
    journal.write_bytes(b"")
    assert sampled_load(journal).seq == 0


def test_a_fold_is_still_written_for_a_host(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 9, 20_000)
    write_fold(journal, folded(journal))
    assert read_fold(journal) is not None
