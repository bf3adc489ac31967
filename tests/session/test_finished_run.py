"""A long run that is opened: at once a coarse picture that says so, then all of it."""

from __future__ import annotations

import os
import random
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
    monkeypatch.setattr("tui_trainer.session.finished_run.WORTH", 0)


def folded(journal: Path) -> str:
    state = RunState(run=journal.parent.name)
    for event in read_events(journal):
        state.apply(event)
    return state.model_dump_json()


def greetings(session: JournalSession | MultiSession, notices: list[Notice] | None = None) -> list[Greeting]:
    """All until everything has been read."""
    found: list[Greeting] = []
    until = monotonic() + 120
    while not found or found[-1].read < 1:
        assert monotonic() < until
        for message in session.drain():
            if isinstance(message, Greeting):
                found.append(message)
            elif notices is not None and isinstance(message, Notice):
                notices.append(message)
        sleep(0.01)
    return found


def test_it_is_coarse_first_and_whole_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 1, 20_000)
    begun: list[background_load.BackgroundLoader] = []

    def begin_and_halt(path: Path) -> background_load.BackgroundLoader | None:
        found = begin(path)
        assert found is not None
        os.kill(found._process.pid, signal.SIGSTOP)  # it may be done before this one has looked
        begun.append(found)
        return found

    begin = finished_run._begin
    monkeypatch.setattr(finished_run, "_begin", begin_and_halt)
    session = JournalSession(tmp_path / "long")
    (coarse,) = session.drain()
    assert isinstance(coarse, Greeting)
    assert coarse.read < 1
    assert coarse.states[0].over
    os.kill(begun[0]._process.pid, signal.SIGCONT)
    found = greetings(session)
    session.close()
    assert coarse.states[0].step == found[-1].states[0].step
    assert found[-1].read == 1
    assert found[-1].states[0].model_dump_json() == folded(journal)


def test_lines_that_were_skipped_elsewhere_are_told_here(tmp_path: Path) -> None:
    altered(write(tmp_path / "long", 2, 20_000), random.Random(1), 3)
    session = JournalSession(tmp_path / "long")
    notices: list[Notice] = []
    greetings(session, notices)
    session.close()
    assert [notice.text.split(" of the journal")[0] for notice in notices] == ["3 altered or torn lines"]


def test_where_no_process_can_be_started_it_is_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write(tmp_path / "long", 3, 20_000)

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(background_load.subprocess, "Popen", refuse)
    assert greetings(JournalSession(tmp_path / "long"))[-1].states[0].model_dump_json() == folded(journal)


def test_a_process_that_dies_is_replaced_by_this_one(tmp_path: Path) -> None:
    journal = write(tmp_path / "long", 4, 20_000)
    session = JournalSession(tmp_path / "long")
    assert session.drain()
    assert session._reading is not None
    session._reading._process.kill()
    assert greetings(session)[-1].states[0].model_dump_json() == folded(journal)
    session.close()


def test_what_is_read_here_is_not_called_whole_before_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a tick is over before the journal is."""

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


def test_of_several_the_last_one_counts(tmp_path: Path) -> None:
    journals = [write(tmp_path / name, seed, 20_000) for seed, name in enumerate(("one", "two"), start=5)]
    session = MultiSession([JournalSession(journal.parent) for journal in journals])
    states = greetings(session)[-1].states
    session.close()
    assert [state.model_dump_json() for state in states] == [folded(journal) for journal in journals]
