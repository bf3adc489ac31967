"""Opening a long run: a coarse state first, then the full one."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.runs.sample_journals import altered, write
from tui_trainer.runs.journal import read_events
from tui_trainer.runs.loading import background_load
from tui_trainer.session import finished_run
from tui_trainer.session.base import Greeting, Notice
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.multi import MultiSession
from tui_trainer.state.run_state import RunState


@pytest.fixture(autouse=True)
def every_journal_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_trainer.session.finished_run.MIN_BYTES", 0)


def folded(journal: Path) -> str:
    state = RunState(run=journal.parent.name)
    for event in read_events(journal):
        state.apply(event)
    return state.model_dump_json()


def greetings(session: JournalSession | MultiSession, notices: list[Notice] | None = None) -> list[Greeting]:
    """The greetings until the journal has been read."""
    received: list[Greeting] = []
    until = monotonic() + 120
    while not received or received[-1].read < 1:
        assert monotonic() < until
        for message in session.drain():
            if isinstance(message, Greeting):
                received.append(message)
            elif notices is not None and isinstance(message, Notice):
                notices.append(message)
        sleep(0.01)
    return received


def test_the_state_is_coarse_first_and_complete_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 1, 20_000)
    started: list[background_load.BackgroundLoader] = []

    def start_and_halt(path: Path) -> background_load.BackgroundLoader | None:
        loader = start(path)
        assert loader is not None
        os.kill(loader._process.pid, signal.SIGSTOP)  # else it may be done before the first drain
        started.append(loader)
        return loader

    start = finished_run._start_loader
    monkeypatch.setattr(finished_run, "_start_loader", start_and_halt)
    session = JournalSession(tmp_path / "long")
    (coarse,) = session.drain()
    assert isinstance(coarse, Greeting)
    assert coarse.read < 1
    assert coarse.states[0].over
    os.kill(started[0]._process.pid, signal.SIGCONT)
    found = greetings(session)
    session.close()
    assert coarse.states[0].step == found[-1].states[0].step
    assert found[-1].read == 1
    assert found[-1].states[0].model_dump_json() == folded(journal)


def test_damaged_lines_that_the_subprocess_skipped_are_reported(tmp_path: Path) -> None:
    altered(write(tmp_path / "long", 2, 20_000), random.Random(1), 3)
    session = JournalSession(tmp_path / "long")
    notices: list[Notice] = []
    greetings(session, notices)
    session.close()
    assert [notice.text for notice in notices] == ["skipped 3 damaged lines of events.jsonl"]


def test_without_a_subprocess_the_journal_is_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 3, 20_000)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(background_load.subprocess, "Popen", refuse)
    assert greetings(JournalSession(tmp_path / "long"))[-1].states[0].model_dump_json() == folded(journal)


def test_a_subprocess_that_dies_is_replaced_by_this_process(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 4, 20_000)
    session = JournalSession(tmp_path / "long")
    assert session.drain()
    assert session._loader is not None
    session._loader._process.kill()
    assert greetings(session)[-1].states[0].model_dump_json() == folded(journal)
    session.close()


def test_progress_stays_below_one_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a tick ends before the journal does."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError

    monkeypatch.setattr(background_load.subprocess, "Popen", refuse)
    monkeypatch.setattr(finished_run, "CHUNK", 1 << 12)
    monkeypatch.setattr(finished_run, "BUDGET", 1e-9)
    ticks = iter(range(1 << 30))
    monkeypatch.setattr(finished_run, "perf_counter", lambda: next(ticks) * 0.6e-9)
    journal = write(tmp_path / "long", 4, 20_000)
    found = greetings(JournalSession(tmp_path / "long"))
    assert len(found) > 3
    assert all(greeting.read < 1 for greeting in found[:-1])
    assert found[-1].states[0].model_dump_json() == folded(journal)


def test_several_journals_are_loaded_at_the_same_time(tmp_path: Path) -> None:
    journals = [write(tmp_path / name, seed, 20_000) for seed, name in enumerate(("one", "two"), start=5)]
    session = MultiSession([JournalSession(journal.parent) for journal in journals])
    states = greetings(session)[-1].states
    session.close()
    assert [state.model_dump_json() for state in states] == [folded(journal) for journal in journals]


def test_a_run_that_is_over_may_be_deleted_while_others_are_shown(tmp_path: Path) -> None:
    write(tmp_path / "first", 1, 50)
    write(tmp_path / "second", 2, 50)
    session = MultiSession([JournalSession(tmp_path / "first"), JournalSession(tmp_path / "second")])
    assert all(state.over for state in greetings(session)[-1].states)
    shutil.rmtree(tmp_path / "first")
    assert session.drain() == []
    shutil.rmtree(tmp_path / "second")
    [notice] = session.drain()
    assert isinstance(notice, Notice)
    assert (notice.fatal, "No such file" in notice.text) == (True, True)
    session.close()
