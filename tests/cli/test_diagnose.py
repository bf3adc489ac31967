"""`diagnose`: the journal of a run, folded again, says what the run said of itself."""

from __future__ import annotations

import json

import pytest

LOW = ("optimizer.lr=1e-3", "training.probe_every=4", "training.epochs=5")


@pytest.fixture
def low(shell):
    done = shell("run", "tiny.toml", "--name", "low", *LOW)
    assert done.code == 0, done.err
    return shell, done


def test_it_finds_what_the_run_said_of_itself(low):
    shell, done = low
    assert "LR_LOW: " in done.out
    (report,) = shell.json("diagnose", "low")
    journal = [json.loads(line) for line in (shell.directory / "runs/low/events.jsonl").read_text().splitlines()]
    said = {event["finding"] for event in journal if event["type"] == "Diagnosed" and event["active"]}
    assert {each["finding"] for each in report["findings"]} | {each["finding"] for each in report["cleared"]} == said
    found = next(each for each in report["findings"] if each["finding"] == "LR_LOW")
    assert found["key"] == "l"
    assert found["numbers"]["rho"] > 0.985
    assert (report["run"], report["epoch"]) == ("low", 5)


def test_in_words_it_gives_evidence_and_advice_by_name_folder_or_journal(low):
    shell, _ = low
    texts = [shell("diagnose", name).out for name in ("last", "runs/low", "runs/low/events.jsonl")]
    assert texts[0] == texts[1] == texts[2]
    for words in (
        "LR_LOW: The steps are very small",
        "evidence  steps match their linear prediction",
        "advice    ",
        "keys  ",
    ):
        assert words in texts[0]


def test_no_finding_is_not_called_healthy(finished):
    shell, _ = finished
    text = shell("diagnose", "done").out
    assert "No finding" in text or "evidence" in text
    assert "healthy" not in text.lower()


def test_what_is_not_there_is_one_line_and_exit_code_2(shell):
    done = shell("diagnose", "nothing")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert "no run 'nothing'" in done.err
