"""The cards: result, earlier runs, ranking of a set, and what is known before a run begins."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from tests.ui.conftest import MakeRun
from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    show,
    started,
    trained,
    until,
)
from tui_trainer.config.preset import load
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.runs.run_list import Announced
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.availability import ActionContext, disabled_reason
from tui_trainer.ui.cards.end_actions import parse_more
from tui_trainer.ui.cards.end_card import end_card, set_card
from tui_trainer.ui.cards.ranking import ranking, resolution
from tui_trainer.ui.cards.recent_runs import RecentRun, RecentRuns, recent_runs, with_curve
from tui_trainer.ui.cards.result import result_of, shown_value, verdict
from tui_trainer.ui.cards.start_card import StartCard, start_facts, start_lines
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.settings import Settings


def epochs(*accuracies: float, run: str = "run", seconds: float = 38.0, **changes: Any) -> RunState:
    """Return a finished run with these validation accuracies."""
    state = RunState(run=run)
    plain: dict[str, Any] = {"steps_per_epoch": 10, "epochs": len(accuracies), "metric": "accuracy"}
    facts: dict[str, Any] = {**plain, "path": f"runs/{run}", **changes}
    state.apply(ev.RunStarted(**facts))
    for epoch, accuracy in enumerate(accuracies, 1):
        at = seconds * epoch / len(accuracies)
        loss = 1 - accuracy
        metrics: dict[str, float | None] = {"train_loss": loss, "val_loss": loss, "val_accuracy": accuracy}
        state.apply(ev.EpochEnded(step=10 * epoch, epoch=epoch, seconds=at, metrics=metrics))
    state.apply(ev.RunFinished(reason="completed", detail=f"all {len(accuracies)} epochs trained"))
    return state


def card(state: RunState, width: int = 100, **options: Any) -> str:
    return end_card(state, width, FANCY, {}, ActionContext(state, 1, "finished", False, True), **options).plain


def test_the_verdict_names_last_and_best_value_epoch_and_time() -> None:
    result = result_of(epochs(0.9, 0.994, 0.994, 0.992))
    assert result is not None
    assert verdict(result) == "99.2 % (best 99.4 %, epoch 2) in 38 s"


def test_without_a_metric_the_verdict_is_a_loss_with_its_name(make_run: MakeRun) -> None:
    result = result_of(make_run(metric=""))
    assert result is not None
    assert verdict(result).startswith("val loss 0.3")
    assert "best" in verdict(result)
    assert result_of(RunState(run="x")) is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("completed", "a detail"),
        ("early-stopped", "stopped early: a detail"),
        ("stopped", "by the user"),
        ("not-finite", "became NaN"),
        ("failed", "failed"),
    ],
)
def test_the_card_shows_the_reason_and_the_next_keys(reason: ev.Reason, words: str) -> None:
    state = epochs(0.9, 0.95)
    state.apply(ev.RunFinished(reason=reason, detail="a detail", exit_code=reason == "failed"))
    text = card(state, 140)
    key = "R resume" if reason == "failed" else "R more epochs"
    for part in (words, "a detail", "95.0 %", "runs/run", key, "N again with changes", "esc look around"):
        assert part in text


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (None, "it can be resumed from the beginning: no checkpoint is on disk"),
        (20, "it can be resumed from epoch 2, step 20: no steps lost"),
        (19, "it can be resumed from epoch 1, step 19: 1 step lost"),
        (8, "it can be resumed from epoch 0, step 8: 12 steps lost"),
    ],
)
def test_the_card_of_a_failed_run_says_from_where_it_is_resumed(saved: int | None, words: str) -> None:
    state = epochs(0.9, 0.95)
    if saved is not None:
        state.apply(ev.CheckpointSaved(name="last", step=saved, epoch=saved // 10, bytes=1))
        state.apply(ev.CheckpointSaved(name="best", step=20, epoch=2, bytes=1))
    detail = "rank 1 was killed by SIGKILL; at step 20; on disk: last"
    state.apply(ev.RunFinished(reason="failed", detail=detail, exit_code=1))
    text = card(state, 140)
    assert words in text
    assert "R resume" in text
    assert "more epochs" not in text


async def test_r_resumes_a_failed_run_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    after = running(steps=300)

    def spec(infos: Sequence[str], **options: Any) -> dict[str, Any]:
        return {"infos": infos, **options}

    class Launched:
        def __init__(self, spec: dict[str, Any]) -> None:
            asked.append(spec)

        def session(self) -> FakeSession:
            return after

    def info(folder: Path, group: Path | None) -> str:
        return str(folder)

    monkeypatch.setattr("tui_trainer.runs.catalog.read_run_info", info)
    monkeypatch.setattr("tui_trainer.session.resume.resume_spec", spec)
    monkeypatch.setattr("tui_trainer.session.launch.launch", Launched)
    session = running(steps=200)
    session.play(ev.CheckpointSaved(name="last", step=150, epoch=3, bytes=1))
    session.play(ev.RunFinished(reason="failed", detail="rank 1 was killed by SIGKILL", exit_code=1))
    app = app_over(session)

    async with show(app) as pilot:
        await until(pilot, lambda: "R resume" in screen_text(app))
        assert "step 150: 50 steps lost" in screen_text(app)
        await press(pilot, "R")
        await until(pilot, lambda: "resuming from epoch 3, step 150: 50 steps lost" in screen_text(app))
    assert [(each["epochs"], each["command"][:2]) for each in asked] == [(None, ["tui-trainer", "resume"])]


def test_a_stopped_run_is_not_called_finished_and_names_its_user_once() -> None:
    state = epochs(0.9, 0.95)
    state.apply(ev.RunFinished(reason="stopped", detail="stopped by ann in epoch 2; on disk: last, best", exit_code=0))
    headline = card(state, 140).splitlines()[0]
    assert "Stopped: 95.0 %" in headline
    assert headline.endswith("by ann in epoch 2")


def test_a_run_that_never_started_has_a_card_without_numbers() -> None:
    run = RunState(run="x")
    run.apply(ev.RunFinished(reason="refused", detail="no such device: cuda", exit_code=2))
    text = card(run)
    assert "no such device" in text
    assert "more epochs" not in text


def test_earlier_runs_stand_below_with_their_curves_and_no_line_is_too_long() -> None:
    info = RunInfo("2026-11-28_191611_digits-mlp_d0be", "runs/old", "finished", preset="digits-mlp")
    recent = [RecentRun(info, {"val_accuracy": [0.5, 0.8, 0.989]}, 40.0)]
    remarks = ["first remark", "second remark", "third remark"]
    text = card(epochs(0.9, 0.95), recent=recent, remarks=remarks)
    rows = [line for line in text.splitlines() if "this run" in line or "d0be" in line]
    assert ["95.0 %" in rows[0], "98.9 %" in rows[1], "40 s" in rows[1]] == [True] * 3
    assert rows[1].count("▁") + rows[1].count("█") > 1
    assert "second remark" in text
    assert "third remark" not in text
    for width in (20, 38, 60, 200):
        assert max(map(len, card(epochs(0.9, 0.95), width, recent=recent).splitlines())) <= width
    ascii_card = end_card(epochs(0.9), 80, PLAIN, {}, ActionContext(epochs(0.9), 1), recent)
    assert ascii_card.plain.isascii()


def journal(folder: Path, preset: str, accuracies: Sequence[float], *, over: bool = True) -> None:
    folder.mkdir(parents=True)
    (folder / "about.json").write_text(json.dumps({"preset": preset, "started": "2026-11-28T19:16:11Z"}))
    (folder / "run.toml").write_text("")
    events: list[ev.AnyEvent] = [ev.RunStarted(run=folder.name)]
    for epoch, accuracy in enumerate(accuracies, 1):
        metrics: dict[str, float | None] = {"val_accuracy": accuracy}
        events.append(ev.EpochEnded(epoch=epoch, step=epoch, seconds=2.0 * epoch, metrics=metrics))
    if over:
        events.append(ev.RunFinished(run=folder.name, reason="completed"))
    (folder / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))


def test_the_newest_finished_runs_of_the_preset_are_read(tmp_path: Path) -> None:
    for minute in range(6):
        accuracies = [0.5, round(0.9 + minute / 100, 2)]
        journal(tmp_path / f"2026-11-28_1916{minute:02d}_digits-mlp_d0b{minute}", "digits-mlp", accuracies)
    journal(tmp_path / "2026-11-28_191659_digits-mlp_dead", "digits-mlp", [0.5], over=False)
    journal(tmp_path / "2026-11-28_191658_digits_d0be", "digits", [0.5])
    (tmp_path / "notes.txt").write_text("")
    found = recent_runs(tmp_path, "digits-mlp", "2026-11-28_191605_digits-mlp_d0b5")
    assert [run.info.name[-4:] for run in found] == ["d0b4", "d0b3", "d0b2"]
    assert found[0].metrics == {"val_accuracy": [0.5, 0.94]}
    assert found[0].seconds == 4.0
    assert recent_runs(tmp_path / "missing", "digits-mlp") == []


def test_a_run_with_a_name_of_its_own_is_found_by_its_preset(tmp_path: Path) -> None:
    journal(tmp_path / "mine", "digits-mlp", [0.5, 0.7])
    with (tmp_path / "mine" / "events.jsonl").open("ab") as file:
        file.write(b'{"type": "EpochEnded", "metrics": 3}\nnot json\n')
    journal(tmp_path / "other", "wine", [0.5, 0.7])
    assert [run.info.name for run in recent_runs(tmp_path, "digits-mlp")] == ["mine"]


def test_recent_runs_are_read_once_and_an_error_leaves_none() -> None:
    calls: list[tuple[Path, str, str]] = []

    def read(directory: Path, preset: str, without: str) -> list[RecentRun]:
        calls.append((directory, preset, without))
        if preset == "bad":
            raise OSError
        return [RecentRun(RunInfo("x", "x", "finished"))]

    recent = RecentRuns(read)
    for preset in ("good", "good", "bad"):
        recent.ask("runs", preset, "me")
        deadline = time.monotonic() + 120
        while recent._call is not None and time.monotonic() < deadline:  # pyright: ignore[reportPrivateUsage]
            recent.poll()
        assert len(recent.runs) == (preset == "good")
    assert [preset for _, preset, _ in calls] == ["good", "bad"]


def member(name: str, accuracy: float, lr: float, seed: int) -> RunState:
    config = {"optimizer": {"lr": lr}, "training": {"seed": seed, "epochs": 2}, "title": name}
    return epochs(0.5, accuracy, run=f"race/{name}", config=config)


def test_a_set_of_one_seed_each_is_ordered_and_says_that_nothing_follows() -> None:
    ranked = ranking([member("slow", 0.9, 0.1, 0), member("fast", 0.95, 0.2, 0)])
    assert ranked is not None
    assert [row.name for row in ranked.rows] == ["fast", "slow"]
    assert "spread is unknown" in ranked.remark
    state = member("slow", 0.9, 0.1, 0)
    text = set_card(ranked, 100, 10, FANCY, {}, ActionContext(state, 2, "finished")).plain
    assert text.index("fast") < text.index("slow")
    assert "95.0 %" in text


@pytest.mark.parametrize(
    ("gap", "words"), [(0.2, "is better than"), (0.001, "cannot be told apart, their difference is within the spread")]
)
def test_with_seeds_the_spread_decides(gap: float, words: str) -> None:
    runs = [member(f"a{k}", 0.7 + 0.01 * k, 0.1, k) for k in range(3)]
    runs += [member(f"b{k}", 0.7 + gap + 0.01 * k, 0.2, k) for k in range(3)]
    ranked = ranking(runs)
    assert ranked is not None
    assert [row.seeds for row in ranked.rows] == [3, 3]
    assert ranked.rows[0].name == "b0"
    assert words in ranked.remark
    assert [row.tied for row in ranked.rows] == [gap < 0.1] * 2
    for row, first in zip(ranked.rows, (0.7 + gap, 0.7), strict=True):
        assert row.value == pytest.approx(fmean([first + 0.01 * k for k in range(3)]))
        assert row.spread == pytest.approx(0.01)  # of 0, 0.01, 0.02 with n - 1
    # The rule: twice sqrt(s²/n + s²/n), which lies between the two gaps.
    assert 0.001 < 2 * sqrt(2 * 0.01**2 / 3) < 0.2


@pytest.mark.parametrize("gap", [0.05, 0.01])
def test_one_seed_each_is_judged_by_the_error_of_a_share(gap: float) -> None:
    def run(name: str, accuracy: float, lr: float) -> RunState:
        config = {"optimizer": {"lr": lr}, "training": {"seed": 0}}
        return epochs(0.5, accuracy, run=f"race/{name}", config=config, validation_samples=1000)

    ranked = ranking([run("slow", 0.9 - gap, 0.1), run("fast", 0.9, 0.2), run("worst", 0.5, 0.3)])
    assert ranked is not None
    mean = (0.9 + 0.9 - gap + 0.5) / 3
    limit = 2 * sqrt(2 * mean * (1 - mean) / 1000)
    assert 0.01 < limit < 0.05
    assert f"One seed each: differences under {100 * limit:.1f} % are not told apart" in ranked.remark
    assert "2 standard errors with 1,000 samples" in ranked.remark
    assert ("fast leads by more" in ranked.remark) == (gap > limit)
    assert ("That holds for fast and slow" in ranked.remark) == (gap < limit)
    assert [row.tied for row in ranked.rows] == [gap < limit, gap < limit, False]
    text = set_card(ranked, 60, 10, FANCY, {}, ActionContext(run("slow", 0.9, 0.1), 3, "finished")).plain
    assert ("1= slow" in " ".join(text.split())) == (gap < limit)
    assert "1,000" in text  # a long remark is wrapped, not cut


def test_other_metrics_are_judged_by_their_noise_from_epoch_to_epoch() -> None:
    states = [
        epochs(*accuracies, run=f"race/{name}", metric="", config={"optimizer": {"lr": lr}, "training": {"seed": 0}})
        for name, accuracies, lr in (("a", (0.5, 0.6, 0.5, 0.6), 0.1), ("b", (0.6, 0.5, 0.6, 0.65), 0.2))
    ]
    squares = [[0.01, 0.01, 0.01], [0.01, 0.01, 0.0025]]
    limit, rule = resolution("val_loss", states) or (0.0, "")
    assert limit == pytest.approx(2 * sqrt(fmean(map(fmean, squares))))
    assert "noise" in rule
    ranked = ranking(states)
    assert ranked is not None
    assert "That holds for b and a" in ranked.remark
    assert resolution("val_loss", [epochs(0.5, 0.6, metric="")]) is None


def test_a_large_set_shows_what_fits_and_losses_rank_upwards(make_run: MakeRun) -> None:
    states = [make_run(name=f"grid/{k}", metric="", steps=40 + 20 * k) for k in range(12)]
    ranked = ranking(states)
    assert ranked is not None
    assert [row.value for row in ranked.rows] == sorted(row.value for row in ranked.rows)
    text = set_card(ranked, 60, 8, FANCY, {}, ActionContext(states[0], 12)).plain
    assert len(text.splitlines()) <= 8
    shown = [line for line in text.splitlines() if re.match(r" *(1=|\d+) ", line)]
    assert f"and {12 - len(shown)} more" in text
    assert ranking(states[:1]) is None


def test_more_epochs_takes_a_count_with_or_without_a_plus() -> None:
    assert [parse_more(text) for text in ("10", " +3 ")] == [10, 3]
    for text in ("", "0", "-2", "1.5", "ten", "+", "9" * 30):
        with pytest.raises(ValueError, match="number of epochs"):
            parse_more(text)


def test_a_finished_run_on_disk_can_be_trained_longer_and_again() -> None:
    state = epochs(0.9)
    on_disk = ActionContext(state, 1, "finished", can_steer=False, read_only=True)
    watched = ActionContext(state, 1, "live", read_only=True)
    for name in ("resume_run", "anew"):
        assert disabled_reason(BY_ID[name], on_disk) is None
        assert "read only" in (disabled_reason(BY_ID[name], watched) or "")


async def test_the_end_of_a_run_is_a_card_that_escape_closes() -> None:
    session = running()
    app = app_over(session)
    async with show(app, (140, 40)) as pilot:
        session.play(finished("completed", "all 10 epochs trained"))
        await until(pilot, lambda: "R more epochs" in screen_text(app))
        assert (
            "Finished: 79" in screen_text(app) or "Finished: 8" in screen_text(app) or "Finished: " in screen_text(app)
        )
        assert "all 10 epochs trained" in screen_text(app)
        await press(pilot, "R")
        await until(pilot, lambda: "How many more" in screen_text(app))
        await press(pilot, "escape", "escape")
        await until(pilot, lambda: "R more epochs" not in screen_text(app))
        await press(pilot, "q")
    assert not app.errors


def test_the_start_card_tells_the_parts_the_rate_and_the_last_result(tmp_path: Path) -> None:
    preset = load("digits-mlp")
    config = preset.first.model_dump(mode="json", exclude_none=True)
    journal(tmp_path / "2026-11-28_191611_digits-mlp_d0be", "digits-mlp", [0.5, 0.9, 0.989])
    name = "2026-11-29_010101_digits-mlp_aaaa"
    run = Announced(name, str(tmp_path / name), "digits-mlp", "Digits", config)
    facts = start_facts(run)
    assert facts.rates[0] == pytest.approx(facts.lr, rel=0.5)
    text = "\n".join(line.plain for line in start_lines(facts, 100, FANCY))
    for words in ("Digits", "last time", "98.9 % in 6.0 s", "epochs", "model", "data", "mlp"):
        assert words in text
    card = StartCard()
    deadline = time.monotonic() + 120
    while len(card.lines(run, 60, 20, FANCY)) < 4 and time.monotonic() < deadline:
        pass
    lines = card.lines(run, 60, 20, FANCY)
    assert max(line.cell_length for line in lines) <= 60
    assert len(card.lines(run, 60, 2, FANCY)) == 2
    assert card.lines(None, 60, 20, FANCY) == []


def test_a_configuration_that_cannot_be_read_leaves_the_name() -> None:
    card = StartCard()
    run = Announced("x", "runs/x", "mine", "", {"nonsense": 1})
    deadline = time.monotonic() + 120
    while card._call is not None and time.monotonic() < deadline:  # pyright: ignore[reportPrivateUsage]
        card.lines(run, 60, 20, FANCY)
    assert [line.plain for line in card.lines(run, 60, 20, FANCY)] == ["mine"]


async def test_a_finished_run_is_compared_with_the_earlier_ones(tmp_path: Path) -> None:
    config = load("digits-mlp").first
    for name, lr in (("2026-11-28_191611_digits-mlp_d0be", 0.5), ("now", 0.25)):
        journal(tmp_path / name, "digits-mlp", [0.5, 0.9])
        (tmp_path / name / "run.toml").write_text(f"[optimizer]\nkind = 'sgd'\nlr = {lr}\n")
    session = FakeSession("now")
    session.play(started(path=str(tmp_path / "now"), config=config.model_dump(mode="json")), *trained(200), finished())
    app = app_over(session)
    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "d0be" in screen_text(app))
        await press(pilot, "C")
        await until(pilot, lambda: "settings that differ" in screen_text(app))
        for words in ("90.0 %", "optimizer.lr", "0.25", "0.5"):
            assert words in screen_text(app)


class Launched(FakeSession):
    """A session with a host that was just launched."""

    announced = (Announced("digits", "runs/digits", "digits-mlp", "Digits, a small MLP"),)


async def test_nothing_is_blank_while_a_run_starts() -> None:
    app = app_over(Launched())
    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "Digits, a small MLP" in screen_text(app))
        assert "starting" in screen_text(app)


def test_shares_are_percent_and_losses_are_numbers() -> None:
    assert (shown_value("val_accuracy", 0.9914), shown_value("val_loss", 0.58839)) == ("99.1 %", "0.5884")


async def test_a_card_that_was_hidden_uses_the_full_width_at_once() -> None:
    session = running()
    app = app_over(session)
    async with show(app, (80, 24)) as pilot:
        session.play(finished("completed", "all 5 epochs trained"))
        await until(pilot, lambda: "Finished: " in screen_text(app))
        assert "all 5 epochs trained" in screen_text(app)


async def test_without_unicode_charts_and_events_are_plain() -> None:
    app = app_over(running(), settings=Settings(ascii=True))
    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "loss" in screen_text(app))
        await press(pilot, "f")
        assert not re.findall(r"[▸│┤└●★━╌⠁-⣿]", screen_text(app))


async def test_a_set_that_is_over_is_ranked_in_the_closing_message() -> None:
    session = running("set/a", "set/b")
    app = app_over(session)
    async with show(app, (100, 30)) as pilot:
        for run in ("set/a", "set/b"):
            session.play(finished("completed"), run=run)
        await until(pilot, lambda: app.dashboard is not None and app.dashboard.view_state.store.over)
        await press(pilot, "q")
    assert app.return_value is not None
    lines = app.return_value.message.splitlines()
    assert lines[0].startswith("2 runs by ")
    assert [line.split(":")[0].strip() for line in lines[1:3]] == ["a", "b"]


def test_an_earlier_run_is_drawn_without_what_an_undo_left(tmp_path: Path) -> None:
    with (tmp_path / "events.jsonl").open("wb") as file:
        for epoch, value, seconds in ((1, 0.5, 1.0), (2, 0.1, 2.0), (3, 0.1, 3.0), (2, 0.9, 2.5)):
            event = ev.EpochEnded(epoch=epoch, step=epoch, seconds=seconds, metrics={"val_accuracy": value})
            file.write(encode_event(event))
    found = with_curve(RunInfo(name="run", path=str(tmp_path), status="finished"))
    assert found.metrics["val_accuracy"] == [0.5, 0.9]
    assert found.seconds == 2.5
