"""The state cache of a long journal: the same state as folding the journal, and never that of another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tui_trainer.host.event_bus import EventBus
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import Journal, read_events
from tui_trainer.runs.loading.state_cache import cache_path, read_state_cache, write_state_cache
from tui_trainer.session.base import Greeting
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.state.run_state import RunState

STEPS, EACH = 40_000, 100


def events() -> Iterator[ev.AnyEvent]:
    yield ev.RunStarted(steps_per_epoch=1000, epochs=40)
    for first in range(1, STEPS, EACH):
        steps = list(range(first, first + EACH))
        loss: list[float | None] = [10 / step + (step % 7) / 10 for step in steps]
        yield ev.Scalars(
            step=steps[-1], steps=steps, seconds=[step / 100 for step in steps], values={"train_loss": loss}
        )
    yield ev.RunFinished(reason="completed", step=STEPS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "long"
    path.mkdir()
    bus = EventBus()
    bus.add_run("long")
    bus.attach_journal("long", Journal(path / "events.jsonl"))
    for event in events():
        bus.publish("long", event)
    bus.close()
    return path


def opened(folder: Path) -> RunState:
    session = JournalSession(folder)
    while True:
        (greeting,) = session.drain()
        assert isinstance(greeting, Greeting)
        (state,) = greeting.states
        if state.seq >= STEPS // EACH + 2:
            return state


def folded(journal: Path) -> RunState:
    state = RunState()
    for event in read_events(journal):
        state.apply(event)
    return state


def test_a_host_caches_the_state_of_a_finished_run(folder: Path) -> None:
    journal = folder / "events.jsonl"
    cached = read_state_cache(journal)
    assert cached is not None
    state, length = cached
    assert length == journal.stat().st_size
    assert state.model_dump_json() == folded(journal).model_dump_json()
    assert opened(folder).model_dump_json() == state.model_dump_json()


def test_lines_after_the_cached_part_are_read(folder: Path) -> None:
    event = ev.Noted(text="later", step=STEPS).model_copy(update={"seq": STEPS // EACH + 3, "run": "long"})
    with (folder / "events.jsonl").open("ab") as file:
        file.write(encode_event(event))
    assert opened(folder).seq == STEPS // EACH + 3
    assert [mark.text for mark in opened(folder).marks] == [mark.text for mark in folded(folder / "events.jsonl").marks]


@pytest.mark.parametrize("damage", ["an altered cache", "the end of the journal", "a shorter journal", "another file"])
def test_a_cache_that_does_not_fit_is_ignored(folder: Path, damage: str) -> None:
    journal = folder / "events.jsonl"
    path = cache_path(journal)
    match damage:
        case "an altered cache":
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.write_bytes(data)
        case "the end of the journal":
            data = bytearray(journal.read_bytes())
            data[-100] ^= 1
            journal.write_bytes(data)
        case "a shorter journal":
            with journal.open("rb+") as file:
                file.truncate(journal.stat().st_size - 500)
        case _:
            path.write_text('{"version": []}')
    assert read_state_cache(journal) is None


def test_a_short_journal_is_not_cached(tmp_path: Path) -> None:
    journal = tmp_path / "events.jsonl"
    journal.write_bytes(encode_event(ev.StatusChanged(status="running")))
    write_state_cache(journal, RunState())
    assert not cache_path(journal).exists()
