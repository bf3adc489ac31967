"""`diagnose`: reading a journal gives the same findings as the run recorded while it trained."""

from __future__ import annotations

import json

import pytest

from tui_trainer.protocol.finding_titles import TITLES

LOW = ("optimizer.lr=1e-3", "training.probe_every=4", "training.epochs=5")


@pytest.fixture
def low(shell):
    done = shell("run", "tiny.toml", "--name", "low", *LOW)
    assert done.code == 0, done.err
    return shell, done


def test_the_findings_are_those_recorded_in_the_journal(low):
    shell, done = low
    assert f"{TITLES['LR_LOW']}: " in done.out
    (report,) = shell.json("diagnose", "low")
    journal = [json.loads(line) for line in (shell.directory / "runs/low/events.jsonl").read_text().splitlines()]
    recorded = {event["finding"] for event in journal if event["type"] == "Diagnosed" and event["active"]}
    assert {each["finding"] for each in report["findings"]} | {
        each["finding"] for each in report["cleared"]
    } == recorded
    low_rate = next(each for each in report["findings"] if each["finding"] == "LR_LOW")
    assert low_rate["key"] == "o"
    assert [(action["action"], action["value"]) for action in low_rate["actions"]] == [("rate", "x3")]
    assert (low_rate["title"], low_rate["since_step"] < low_rate["until_step"]) == (TITLES["LR_LOW"], True)
    assert low_rate["numbers"]["rho"] > 0.985
    assert (report["run"], report["epoch"]) == ("low", 5)


def test_the_text_gives_evidence_and_advice_for_a_name_a_directory_and_a_journal(low):
    shell, _ = low
    (report,) = shell.json("diagnose", "low")
    low_rate = next(each for each in report["findings"] if each["finding"] == "LR_LOW")
    texts = [shell("diagnose", name).out for name in ("last", "runs/low", "runs/low/events.jsonl")]
    assert texts[0] == texts[1] == texts[2]
    for part in (
        f"{TITLES['LR_LOW']} (since epoch",
        f"evidence  {low_rate['evidence']}",
        f"why       {low_rate['why']}",
        "[1] multiply the rate by 3",
    ):
        assert part in texts[0]
    assert "LR_LOW" not in texts[0], "identifiers are for scripts"


def test_no_finding_is_not_called_healthy(finished):
    shell, _ = finished
    text = shell("diagnose", "done").out
    assert "No finding" in text or "evidence" in text
    assert "healthy" not in text.lower()


def test_a_missing_run_is_one_line_and_exit_code_2(shell):
    done = shell("diagnose", "nothing")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "no run 'nothing'" in done.err
