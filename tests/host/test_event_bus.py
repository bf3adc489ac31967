"""Events on their way from the trainer to the journal and to who watches."""

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


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def scalars(step: int, cause: cmd.AnyCommand | None = None) -> ev.Scalars:
    return ev.Scalars(step=step, steps=[step], seconds=[0.1], values={"train_loss": [1.0]}, cause=cause)


def kinds(outlet: Subscriber) -> list[tuple[str, int]]:
    return [(event.type, event.seq) for event in outlet.events]


def test_measurements_leave_together_and_nothing_overtakes_them(clock, tmp_path):
    woken = []
    hub, outlet = EventBus(lambda: woken.append(1)), Subscriber()
    hub.add_run("run")
    hub.write_to("run", Journal(tmp_path / "events.jsonl"))
    hub.join(outlet, lambda states: None)
    hub.publish("run", scalars(1))
    assert kinds(outlet) == [("Scalars", 1)]
    hub.publish("run", scalars(2))
    hub.publish("run", ev.EpochEnded(epoch=1, step=2, seconds=0.1, metrics={}, lr=0.1))
    hub.release()
    assert (len(outlet.events), len(woken)) == (1, 1)
    hub.publish("run", ev.StatusChanged(status="paused"))
    assert kinds(outlet)[1:] == [("Scalars", 2), ("EpochEnded", 3), ("StatusChanged", 4)]
    assert len(woken) == 2
    clock.now += module.TOGETHER
    hub.publish("run", scalars(3))
    assert kinds(outlet)[-1] == ("Scalars", 5)
    assert [event.seq for event in read_events(tmp_path / "events.jsonl")] == [1, 2, 3, 4, 5]
    hub.close()


def test_what_waits_is_handed_out_by_who_serves(clock):
    hub, outlet = EventBus(), Subscriber()
    hub.add_run("run")
    hub.join(outlet, lambda states: None)
    hub.publish("run", scalars(1))
    hub.publish("run", scalars(2))
    clock.now += module.TOGETHER
    assert len(outlet.events) == 1
    hub.release()
    assert len(outlet.events) == 2


def test_no_more_wait_than_are_soon_told(clock):
    hub, outlet = EventBus(), Subscriber()
    hub.add_run("run")
    hub.join(outlet, lambda states: None)
    for step in range(1, 2 * module.MOST + 2):
        hub.publish("run", scalars(step))
    assert [event.step for event in outlet.events] == list(range(1, 2 * module.MOST + 2))


def test_an_answer_waits_for_nothing(clock):
    hub, outlet = EventBus(), Subscriber()
    hub.add_run("run")
    hub.join(outlet, lambda states: None)
    hub.publish("run", scalars(1))
    hub.publish("run", scalars(1, cmd.Evaluate(id="7")))
    assert len(outlet.events) == 2


def test_a_checkpoint_names_a_journal_that_holds_everything_before_it(clock, tmp_path):
    hub = EventBus()
    hub.add_run("run")
    hub.write_to("run", Journal(tmp_path / "events.jsonl"))
    for step in range(1, 5):
        hub.publish("run", scalars(step))
    mark = hub.mark("run")
    assert mark == {"bytes": (tmp_path / "events.jsonl").stat().st_size, "seq": 4}
    hub.publish("run", scalars(5))
    hub.close()
    assert [event.step for event in read_events(tmp_path / "events.jsonl")] == [1, 2, 3, 4, 5]


def test_runs_of_one_host_keep_their_own_order(clock):
    hub, outlet = EventBus(), Subscriber()
    for name in ("a", "b"):
        hub.add_run(name)
    hub.join(outlet, lambda states: None)
    for step in (1, 2):
        for name in ("a", "b"):
            hub.publish(name, scalars(step))
    hub.publish("b", ev.RunFinished(reason="completed", step=2))
    assert [(event.run, event.step, event.seq) for event in outlet.events] == [
        ("a", 1, 1), ("b", 1, 1), ("a", 2, 2), ("b", 2, 2), ("b", 2, 3),
    ]  # fmt: skip


def test_a_clock_that_is_set_back_holds_nothing_up(clock):
    hub, outlet = EventBus(), Subscriber()
    hub.add_run("run")
    hub.join(outlet, lambda states: None)
    hub.publish("run", scalars(1))
    clock.now -= 3600
    hub.publish("run", scalars(2))
    assert len(outlet.events) == 2
    hub.publish("run", scalars(3))
    clock.now += module.TOGETHER
    hub.release()
    assert [event.at[11:19] for event in outlet.events] == ["22:13:20", "21:13:20", "21:13:20"]


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25])
def test_who_comes_is_greeted_with_everything_that_was_handed_out(clock, monkeypatch, count):
    line = encode_event(scalars(1, cmd.Evaluate(id="1")).model_copy(update={"seq": 1, "run": "run", "at": "x" * 24}))
    monkeypatch.setattr(module, "CROWD", 10 * len(line))
    hub = EventBus()
    hub.add_run("run")
    for step in range(1, count + 1):
        hub.publish("run", scalars(step, cmd.Evaluate(id=str(step))))
    greeted = []
    hub.join(Subscriber(), greeted.extend)
    (state,) = greeted
    assert (state.seq, len(state.series["train_loss"])) == (count, count)
    assert hub.states()[0].seq == count


def test_what_goes_wrong_with_a_journal_is_in_it_before_a_checkpoint_names_its_end(clock, tmp_path):
    path = tmp_path / "run" / "events.jsonl"
    path.parent.mkdir()
    hub, outlet = EventBus(), Subscriber()
    hub.add_run("run")
    hub.join(outlet, lambda states: None)
    hub.write_to("run", Journal(path))
    hub.publish("run", scalars(1))
    path.rename(tmp_path / "away")
    path.parent.rmdir()
    hub.check_journals()
    assert [event.type for event in outlet.events] == ["Scalars", "SavingFailed"]
    path.parent.mkdir()
    mark = hub.mark("run")
    assert mark == {"bytes": path.stat().st_size, "seq": 3}
    assert [event.seq for event in read_events(path)] == [1, 2, 3]
    hub.close()
