"""Guards of a `Monitor` on each of several ranks: they act on all at one step, by the numbers of all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.monitor.rank_threads import Rank, in_ranks, send
from tui_trainer.protocol import commands as cmd


def journal(runs: Path, *types: str) -> list[dict[str, Any]]:
    (folder,) = runs.iterdir()
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event for event in lines if event["type"] in types]


def test_a_loss_of_one_rank_fires_on_all_at_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over both ranks is 5.5 at step 9; no rank alone says so."""

    def work(rank: Rank) -> list[tuple[int, float]]:
        with rank.monitor(guards=["when train_loss > 5: lr x0.5, at most 1 time"]) as monitor:
            for number in monitor.batches(range(30)):
                rank.step(monitor)
                monitor.log(loss=10.0 if rank.number and number == 8 else 1.0)
        return rank.seen

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second == [(step, 0.1 if step <= 9 else 0.05) for step in range(1, 31)]
    [changed] = journal(tmp_path, "SettingChanged")
    assert (changed["step"], changed["cause"]["by"]) == (9, "guard")
    assert "train_loss" in changed["cause"]["because"]
    fired = [event for event in journal(tmp_path, "GuardsChanged") if event.get("fired")]
    assert [event["step"] for event in fired] == [9]
    losses: dict[int, float] = {}
    for event in journal(tmp_path, "Scalars"):
        losses |= dict(zip(event["steps"], event["values"].get("train_loss", []), strict=False))
    assert losses == {step: 5.5 if step == 9 else 1.0 for step in range(1, 31)}


def test_a_roll_back_by_steps_restores_the_same_copy_on_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[list[float]]:
        weights = [rank.model.weight.detach().flatten().tolist()]
        with rank.monitor(guards="when my/norm > 50: roll back 3 steps, at most 1 time") as monitor:
            for number in monitor.batches(range(12)):
                rank.step(monitor)
                monitor.log({"my/norm": 1000.0 if rank.number and number == 8 else 1.0})
                weights.append(rank.model.weight.detach().flatten().tolist())
        return weights

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second
    [back] = journal(tmp_path, "RolledBack")
    assert back["step"] == 9
    assert 3 <= back["step"] - back["saved_at"] <= 5
    assert first[10] == first[back["saved_at"] + 1]  # the step after it goes on from the copy


def test_a_guard_that_is_sent_is_armed_on_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> int:
        with rank.monitor() as monitor:
            for number in monitor.batches(range(1_000_000)):
                if rank.number == 0 and number == 5:
                    send(monitor, cmd.SetGuard(id="guard", rule="when my/norm > 50: stop"))
                rank.step(monitor)
                monitor.log({"my/norm": 1000.0 if rank.number else 1.0})
        return len(rank.seen)

    first, second = in_ranks(tmp_path, monkeypatch, work)
    [armed, fired] = journal(tmp_path, "GuardsChanged")
    assert first == second == fired["step"] == armed["step"] + 1
    assert journal(tmp_path, "RunFinished")[0]["reason"] == "stopped"


def test_a_gradient_that_is_broken_on_one_rank_is_skipped_on_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients are not shared here, as with communication of the user's own."""

    def work(rank: Rank) -> tuple[list[float], int]:
        steps = 0
        with rank.monitor(guards="when grad_norm is not finite: skip the step") as monitor:
            for number in monitor.batches(range(20)):
                rank.optimizer.zero_grad()
                value = float("nan") if rank.number and number in (4, 5) else 1.0
                (rank.model(torch.ones(1, 2)) * value).sum().backward()
                rank.optimizer.step()
                monitor.log(loss=1.0)
                steps = monitor.step_count
        return rank.model.weight.detach().flatten().tolist(), steps

    results = in_ranks(tmp_path, monkeypatch, work)
    assert results[0] == results[1]
    weights, steps = results[0]
    assert steps == 20
    assert weights == pytest.approx([1 - 0.1 * 18] * 2)
    assert [event["batch"] for event in journal(tmp_path, "StepSkipped")] == [5, 6]


def test_an_epoch_that_rank_0_measures_alone_fires_on_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[tuple[int, float]]:
        with rank.monitor(guards=["when val_loss rises 1 epoch: lr = 0.01"]) as monitor:
            for epoch in monitor.epochs(3):
                for _ in monitor.batches(range(4)):
                    rank.step(monitor)
                if rank.number == 0:
                    monitor.log_epoch(val_loss=1.0 + epoch)
        return rank.seen

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second == [(step, 0.1 if step <= 8 else 0.01) for step in range(1, 13)]
    assert [event["cause"]["by"] for event in journal(tmp_path, "SettingChanged")] == ["guard"]


@pytest.mark.parametrize("rule", ["when train_loss > 50: stop", "when grad_norm > 50: skip the step"])
def test_guards_are_off_once_the_ranks_part(rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> int:
        with rank.monitor(guards=[rule]) as monitor:
            for number in monitor.batches(range(20 if rank.number else 40)):
                rank.step(monitor)
                monitor.log(loss=100.0 if number > 25 else 1.0)
        return len(rank.seen)

    assert in_ranks(tmp_path, monkeypatch, work) == [40, 20]
    [guard] = journal(tmp_path, "GuardsChanged")[-1]["guards"]
    assert guard["on"] is False
    assert "each would act by its own numbers" in guard["why_off"]
    lines = [line for event in journal(tmp_path, "Logged") for line in event["lines"]]
    assert any(line.startswith("watched only from here on: ") for line in lines)


def test_a_user_skips_a_step_on_all_ranks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: Rank) -> list[float]:
        with rank.monitor() as monitor:
            run = monitor._run  # pyright: ignore[reportPrivateUsage]
            assert run is not None
            run.state.follow([(6, cmd.SkipStep(id="skip"))])
            for _ in monitor.batches(range(12)):
                rank.step(monitor)
        return rank.model.weight.detach().flatten().tolist()

    first, second = in_ranks(tmp_path, monkeypatch, work)
    assert first == second == pytest.approx([1 - 0.1 * 11] * 2)
    [skipped] = journal(tmp_path, "StepSkipped")
    assert skipped["step"] == 6
