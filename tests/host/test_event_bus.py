"""Events on their way from the trainer to the journal and to the subscribers."""

from __future__ import annotations

import pytest

from tui_trainer.host import event_bus as module
from tui_trainer.host.event_bus import EventBus
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import Journal, read_events


class Subscriber:
    def __init__(self) -> None:
        self.events: list[ev.AnyEvent] = []

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        self.events.append(event)

    def restart(self) -> None: ...


@pytest.fixture
def subscriber() -> Subscriber:
    return Subscriber()


@pytest.fixture
def woken() -> list[bool]:
    """One entry for each time that the bus woke the serving thread."""
    return []


@pytest.fixture
def bus(subscriber, woken) -> EventBus:
    """A bus with one run and one subscriber."""
    bus = EventBus(lambda: woken.append(True))
    bus.add_run("run")
    bus.subscribe(subscriber, lambda states: None)
    return bus


def scalars(step: int, cause: cmd.AnyCommand | None = None) -> ev.Scalars:
    return ev.Scalars(step=step, steps=[step], seconds=[0.1], values={"train_loss": [1.0]}, cause=cause)


def kinds(subscriber: Subscriber) -> list[tuple[str, int]]:
    return [(event.type, event.seq) for event in subscriber.events]


def journaled(path) -> list[int]:
    return [event.seq for event in read_events(path)]


def test_a_measurement_reaches_subscribers_at_once_without_waking_the_serving_thread(bus, subscriber, woken):
    bus.publish("run", scalars(1))
    bus.publish("run", ev.EpochEnded(epoch=1, step=1, seconds=0.1, metrics={}, lr=0.1))
    assert kinds(subscriber) == [("Scalars", 1), ("EpochEnded", 2)]
    assert woken == []


@pytest.mark.parametrize("event", [ev.StatusChanged(status="paused"), scalars(2, cmd.Evaluate(id="7"))])
def test_any_other_event_and_any_answer_wakes_the_serving_thread(bus, subscriber, woken, event):
    bus.publish("run", scalars(1))
    bus.publish("run", event)
    assert kinds(subscriber) == [("Scalars", 1), (event.type, 2)]
    assert len(woken) == 1


class TestJournalBuffer:
    @pytest.fixture
    def path(self, bus, tmp_path):
        bus.attach_journal("run", Journal(tmp_path / "events.jsonl"))
        return tmp_path / "events.jsonl"

    def test_measurements_are_written_by_the_next_flush(self, bus, path):
        bus.publish("run", scalars(1))
        bus.publish("run", scalars(2))
        assert journaled(path) == []
        bus.flush()
        assert journaled(path) == [1, 2]
        bus.close()

    def test_measurements_are_written_before_the_event_after_them(self, bus, path):
        bus.publish("run", scalars(1))
        bus.publish("run", ev.StatusChanged(status="paused"))
        assert journaled(path) == [1, 2]
        bus.close()

    def test_a_full_buffer_is_written_at_once(self, bus, path, monkeypatch):
        monkeypatch.setattr(module, "MAX_JOURNAL_BUFFER", 1000)
        for step in range(1, 20):
            bus.publish("run", scalars(step))
        written = journaled(path)
        assert written
        assert len(written) < 19
        bus.close()
        assert journaled(path) == list(range(1, 20))

    def test_events_before_there_was_a_journal_are_written_first(self, bus, tmp_path):
        bus.publish("run", ev.StatusChanged(status="starting"))
        bus.publish("run", scalars(1))
        bus.attach_journal("run", Journal(tmp_path / "events.jsonl"))
        assert journaled(tmp_path / "events.jsonl") == [1, 2]
        bus.close()

    def test_a_checkpoint_names_a_journal_that_holds_everything_before_it(self, bus, path):
        for step in range(1, 5):
            bus.publish("run", scalars(step))
        assert bus.sync_journal("run") == {"bytes": path.stat().st_size, "seq": 4}
        bus.publish("run", scalars(5))
        bus.close()
        assert journaled(path) == [1, 2, 3, 4, 5]


def test_runs_of_one_host_keep_their_own_order(bus, subscriber):
    bus.add_run("other")
    for step in (1, 2):
        for name in ("run", "other"):
            bus.publish(name, scalars(step))
    bus.publish("other", ev.RunFinished(reason="completed", step=2))
    assert [(event.run, event.step, event.seq) for event in subscriber.events] == [
        ("run", 1, 1), ("other", 1, 1), ("run", 2, 2), ("other", 2, 2), ("other", 2, 3),
    ]  # fmt: skip


def test_an_unsubscribed_viewer_receives_nothing_more(bus, subscriber):
    bus.publish("run", scalars(1))
    bus.unsubscribe(subscriber)
    bus.publish("run", scalars(2))
    assert kinds(subscriber) == [("Scalars", 1)]


def test_events_carry_the_time_in_utc(bus, subscriber, monkeypatch):
    monkeypatch.setattr(module, "time", lambda: 1_700_000_000.0625)
    bus.publish("run", scalars(1))
    assert subscriber.events[0].at == "2023-11-14T22:13:20.062Z"


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_a_snapshot_holds_every_event_before_it(bus, monkeypatch, count):
    line = encode_event(scalars(1, cmd.Evaluate(id="1")).model_copy(update={"seq": 1, "run": "run", "at": "x" * 24}))
    monkeypatch.setattr(module, "MAX_FOLD_BUFFER", 10 * len(line))
    for step in range(1, count + 1):
        bus.publish("run", scalars(step, cmd.Evaluate(id=str(step))))
    snapshot = []
    bus.subscribe(Subscriber(), snapshot.extend)
    (state,) = snapshot
    assert (state.seq, len(state.series["train_loss"])) == (count, count)
    assert bus.states()[0].seq == count


def test_a_journal_failure_is_in_the_journal_before_a_checkpoint_names_its_end(bus, subscriber, tmp_path):
    path = tmp_path / "run" / "events.jsonl"
    path.parent.mkdir()
    bus.attach_journal("run", Journal(path))
    bus.publish("run", scalars(1))
    path.rename(tmp_path / "away")
    path.parent.rmdir()
    bus.check_journals()
    assert [event.type for event in subscriber.events] == ["Scalars", "SavingFailed"]
    path.parent.mkdir()
    assert bus.sync_journal("run") == {"bytes": path.stat().st_size, "seq": 3}
    assert journaled(path) == [1, 2, 3]
    bus.close()
