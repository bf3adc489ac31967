"""`send --as --kind --why`: who did what, when and why."""

from __future__ import annotations

import json

from tests.cli.conftest import Shell

SLOW = ("training.epochs=100000", "training.steps_per_second=200")


def test_send_says_who_and_why_and_compare_answers_it(shell: Shell) -> None:
    name = shell("run", "tiny.toml", *SLOW, "--detach").out.strip()
    try:
        answer = shell("send", name, "set-lr", "value=0.01", "--as", "ann", "--kind", "person", "--why", "it is [flat")
        assert answer.out.strip() == "learning rate 0.01, was 0.1 by ann (person); because: it is [flat"
        event = json.loads(shell("send", name, "set-clip", "value=1", "--json", TUI_TRAINER_AS="nightly").out)
        assert (event["cause"]["by"], event["cause"]["actor"]) == ("nightly", "script")
    finally:
        assert shell("send", name, "stop").code == 0
    compared = json.loads(shell("compare", name, "--json").out)["runs"][0]["interventions"]
    who = [(each["by"], each["actor"], each["because"]) for each in compared[:2]]
    assert who == [("ann", "person", "it is [flat"), ("nightly", "script", "")]
    printed = shell("compare", name).out
    assert "ann (person)" in printed
    assert "nightly (script)" in printed


def test_a_kind_that_is_none_is_refused(shell: Shell) -> None:
    done = shell("send", "last", "pause", "--kind", "robot")
    assert done.code == 2
    assert "'robot' is not one of 'person', 'script', 'agent'" in done.err
    done = shell("send", "last", "pause", "--as", "x" * 81)
    assert (done.code, done.err.strip()) == (2, "tui-trainer: --as: a name has at most 80 characters, not 81")
