"""A `Monitor` on each of several ranks: one run, commands at one step, and no wait for a rank that does not come."""

from __future__ import annotations

import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import torch

from tests.monitor.rank_threads import Rank, in_ranks, send
from tui_trainer import Monitor
from tui_trainer.monitor.parts.values import ROLES
from tui_trainer.monitor.ranks import together as meeting
from tui_trainer.monitor.ranks.shared_values import SharedValues
from tui_trainer.monitor.ranks.store_channel import Parted
from tui_trainer.protocol import commands as cmd


def journal(runs: Path, *types: str) -> list[dict[str, Any]]:
    (folder,) = runs.iterdir()
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event for event in lines if not types or event["type"] in types]


def series(runs: Path, name: str) -> dict[int, float]:
    found: dict[int, float] = {}
    for event in journal(runs, "Scalars"):
        found |= dict(zip(event["steps"], event["values"].get(name, []), strict=False))
    return found


def test_a_rate_is_set_on_all_ranks_at_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[tuple[int, float]]:
        with rank.monitor() as monitor:
            for _ in monitor.batches(range(60)):
                rank.step(monitor)
                if rank.number == 0 and len(rank.seen) == 7:
                    send(monitor, cmd.SetLearningRate(value=0.01, id="one"))
        return rank.seen

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second
    [changed] = journal(tmp_path, "SettingChanged")
    at = changed["step"]
    assert 7 <= at < 60
    assert first == [(step, 0.1 if step <= at else 0.01) for step in range(1, 61)]
    [ended] = journal(tmp_path, "RunFinished")
    assert (ended["step"], ended["reason"]) == (60, "completed")


def test_values_are_weighted_means_over_the_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> None:
        with rank.monitor() as monitor:
            for epoch in monitor.epochs(2):
                for number in monitor.batches(range(5)):
                    rank.step(monitor)
                    weight = 1 + 2 * rank.number
                    monitor.log(loss=float(number + 10 * rank.number + epoch), weight=weight, axis={"tokens": weight})
                    monitor.log(count=2.0 + rank.number, reduce="sum")
                    if rank.number == 1:
                        monitor.log(own=5.0)
                monitor.log_epoch(val_loss=float(rank.number))

    in_ranks(tmp_path, monkeypatch, work)
    losses = [(number + epoch + 3 * (number + 10 + epoch)) / 4 for epoch in range(2) for number in range(5)]
    assert series(tmp_path, "train_loss") == dict(enumerate(losses, start=1))
    assert series(tmp_path, "count") == dict.fromkeys(range(1, 11), 5.0)
    assert series(tmp_path, "axis/tokens") == {step: 4.0 * step for step in range(1, 11)}
    assert series(tmp_path, "own") == dict.fromkeys(range(1, 11), 5.0)
    metrics = [event["metrics"] for event in journal(tmp_path, "EpochEnded")]
    assert [each["train_loss"] for each in metrics] == pytest.approx([sum(losses[:5]) / 5, sum(losses[5:]) / 5])
    assert [each["val_loss"] for each in metrics] == [0.0, 0.0]  # that of rank 0


def test_rank_0_decides_when_no_better_epoch_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[int]:
        epochs: list[int] = []
        with rank.monitor(patience=2) as monitor:
            for epoch in monitor.epochs(9):
                epochs.append(epoch)
                for _ in monitor.batches(range(3)):
                    rank.step(monitor)
                if rank.number == 0:  # the others measure nothing
                    monitor.log_epoch(val_loss=1.0)
        return epochs

    assert in_ranks(tmp_path, monkeypatch, work) == [[0, 1, 2], [0, 1, 2]]
    assert journal(tmp_path, "RunFinished")[0]["reason"] == "early-stopped"


def test_a_monitor_on_rank_0_alone_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "JOIN_SECONDS", 0.1)

    def work(rank: Rank) -> int:
        if rank.number:
            return 0
        with rank.monitor() as monitor:
            for number, _ in enumerate(monitor.batches(range(6))):
                rank.step(monitor)
                if number == 2:
                    send(monitor, cmd.SetLearningRate(value=0.01))
        return len(rank.seen)

    assert in_ranks(tmp_path, monkeypatch, work) == [6, 0]
    [refused] = journal(tmp_path, "Refused")
    assert refused["reason"].startswith("make Monitor on every rank, at the same place: rank 1 made none")
    assert set(series(tmp_path, "lr").values()) == {0.1}


@pytest.mark.parametrize("longer", [0, 1])
def test_uneven_steps_are_said_and_nothing_waits(longer: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> int:
        with rank.monitor() as monitor:
            for _ in monitor.batches(range(40 if rank.number == longer else 20)):
                rank.step(monitor)
        return len(rank.seen)

    steps = in_ranks(tmp_path, monkeypatch, work)
    assert steps == ([40, 20] if longer == 0 else [20, 40])
    lines = [line for event in journal(tmp_path, "Logged") for line in event["lines"]]
    assert [line for line in lines if line.startswith("watched only from here on: ")]


def test_a_rank_that_fails_lets_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> str:
        try:
            with rank.monitor() as monitor:
                for number in monitor.batches(range(30)):
                    rank.step(monitor)
                    if rank.number and number == 9:
                        raise ValueError("no more")
        except ValueError:
            return "failed"
        return "done"

    assert in_ranks(tmp_path, monkeypatch, work) == ["done", "failed"]
    lines = [line for event in journal(tmp_path, "Logged") for line in event["lines"]]
    assert any("rank 1 failed: ValueError: no more" in line for line in lines)


def test_a_rank_that_is_waited_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_trainer.monitor.ranks.store_channel.LATE_SECONDS", 0.0)

    def lines() -> list[str]:
        return [line for event in journal(tmp_path, "Logged") for line in event["lines"]]

    def work(rank: Rank) -> None:
        with rank.monitor() as monitor:
            for number in monitor.batches(range(30)):
                rank.step(monitor)
                if rank.number and number == 20:  # as in an evaluation of its own
                    deadline = monotonic() + 120
                    while not any("waiting for rank 1: alive" in line for line in lines()):
                        assert monotonic() < deadline
                        sleep(0.02)

    in_ranks(tmp_path, monkeypatch, work)
    assert [line for line in lines() if line.startswith("rank 1 came after ")]
    [ended] = journal(tmp_path, "RunFinished")
    assert (ended["step"], ended["reason"]) == (30, "completed")


def test_an_undo_a_knob_and_a_stop_reach_all_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = {
        3: cmd.SetLearningRate(value=0.02),
        6: cmd.SetKnob(name="factor", value=2.0),
        9: cmd.Undo(),
        12: cmd.RunAction(name="mark"),
        15: cmd.Stop(),
    }

    def work(rank: Rank) -> tuple[list[tuple[int, float]], list[float], list[int], float, bool]:
        factor, factors, marks = [1.0], [], []
        with rank.monitor() as monitor:
            monitor.knob("factor", get=lambda: factor[0], set=lambda value: factor.__setitem__(0, value))
            monitor.action("mark", lambda: marks.append(monitor.step_count))
            run = monitor._run
            assert run is not None
            for _ in monitor.batches(range(1_000_000)):  # until the last command stops it
                rank.step(monitor)
                factors.append(factor[0])
                if rank.number == 0 and len(rank.seen) % 40 == 0 and plan and not run.inbox.waiting:
                    send(monitor, plan.pop(min(plan)))
            stops = monitor.should_stop
        return rank.seen, factors, marks, float(rank.model.weight.detach().sum()), stops

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second
    assert len(first[2]) == 1
    assert set(first[1]) == {1.0, 2.0}
    assert first[4] is True
    at = {event["type"]: event["step"] for event in journal(tmp_path) if event.get("cause")}
    assert {"SettingChanged", "KnobChanged", "RolledBack", "ActionRun"} <= set(at)
    assert at["ActionRun"] == first[2][0]
    assert len(first[0]) == journal(tmp_path, "RunFinished")[0]["step"] < 1_000_000


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(2, "resumed at step 6, exact"), (3, "it was saved by 2 processes and goes on with 3")],
)
def test_a_resumed_run_says_how_exactly(
    count: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rank: Rank) -> list[tuple[int, float]]:
        with rank.monitor(save="epoch", resume="auto") as monitor:
            for epoch in monitor.epochs(4):
                if epoch == 2 and monitor.step_count == 6 and not resumed:
                    raise RuntimeError("half")
                for _ in monitor.batches(range(3)):
                    rank.step(monitor)
        return rank.seen

    resumed: list[bool] = []
    with pytest.raises(RuntimeError, match="half"):
        in_ranks(tmp_path, monkeypatch, work)
    resumed.append(True)
    seen = in_ranks(tmp_path, monkeypatch, work, count)
    assert seen == [[(step, 0.1) for step in range(7, 13)]] * count
    lines = [line for event in journal(tmp_path, "Logged") for line in event["lines"]]
    assert any(verdict in line for line in lines)
    assert any("rank 2: the generators of rank 2 were not saved" in line for line in lines) == (count == 3)


def test_a_scripted_command_finds_the_values_of_all_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[tuple[int, float]]:
        with rank.monitor() as monitor:
            run = monitor._run
            assert run is not None
            run.state.follow([(step, cmd.SetLearningRate(value=0.5 / step, id=f"{step}")) for step in (21, 26)])
            for _ in monitor.batches(range(40)):
                rank.step(monitor)
                monitor.log(loss=float(rank.number))
        return rank.seen

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second
    assert [rate for _, rate in first] == [0.1] * 21 + [0.5 / 21] * 5 + [0.5 / 26] * 14
    assert series(tmp_path, "train_loss") == dict.fromkeys(range(1, 41), 0.5)


def test_objects_that_differ_are_watched_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> int:
        with rank.monitor(model=rank.model if rank.number == 0 else None) as monitor:
            for _ in monitor.batches(range(4)):
                rank.step(monitor)
        return len(rank.seen)

    assert in_ranks(tmp_path, monkeypatch, work) == [4, 4]
    lines = [line for event in journal(tmp_path, "Logged") for line in event["lines"]]
    assert any("rank 1 has handed other objects to Monitor than rank 0" in line for line in lines)


def test_without_a_group_the_first_process_is_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {"MASTER_ADDR": "localhost", "WORLD_SIZE": "4", "RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    with Monitor("other", runs_dir=tmp_path) as other:
        assert other.path == ""


def test_columns_of_a_rank_that_logs_nothing() -> None:
    values = SharedValues(ROLES)
    values.add({"loss": torch.tensor(2.0)}, 1.0, "mean")
    row = values.take_row(1)
    assert values.combine([b""]) == {1: 1.0}
    assert row.numbers == {"train_loss": 2.0}


def test_parting_is_told_once() -> None:
    store = torch.distributed.HashStore()  # pyright: ignore[reportPrivateImportUsage]
    one, other = (meeting.Together(store, rank, 2) for rank in range(2))
    one.part("first")
    other.part("second")
    assert (one.parted, other.parted) == ("first", "second")
    assert store.get("parted") == b"first"
    other.channel.patience = 0.0
    with pytest.raises(Parted, match="first"):
        other.channel.broadcast(b"")
