"""Drills from the shell: open, answer from a script, hand in, verify; and what is refused."""

from __future__ import annotations

import json

import pytest

from tests.support import wait_for


def test_the_list_tells_no_cause(shell):
    listed = shell.json("drill", "--list")
    assert [drill["name"] for drill in listed] == [f"drill-{number}" for number in range(1, 10)]
    assert set(listed[0]) == {"name", "title", "summary"}


def test_a_drill_is_opened_answered_handed_in_and_verified(shell, tmp_path):
    opened = shell("drill", "3", "--seed", "7", "--detach")
    assert opened.code == 0, opened.err
    assert "drill-3, seed 7" in opened.err
    wait_for(lambda: shell.json("runs")[0]["step"] > 0, what="the first step")
    told = shell("send", "last", "note", "text=drill: the cause is rate-low")
    assert told.code == 0, told.err
    assert shell("send", "last", "set-lr", "value=0.3").code == 0
    assert shell("send", "last", "stop").code == 0
    wait_for(lambda: shell.json("runs")[0]["status"] == "finished", what="the end")
    handed = shell("drill", "--hand-in", "last")
    assert handed.code == 0, handed.err
    (line,) = handed.out.splitlines()
    assert "of 100 points" in handed.err
    assert line.startswith("drill-3 seed=7 points=")
    assert " cause=rate-low " in line
    found = json.loads(shell("drill", "--hand-in", "last", "--json").out)
    assert found["cause"] == {"named": "rate-low", "right": True, "before_intervening": True}
    assert (found["interventions"], found["hints"], found["line"]) == (1, 0, line)
    checked = shell("drill", "--verify", line)
    assert (checked.code, checked.out.splitlines()[-1]) == (0, f"confirmed: {line}")
    cheated = shell("drill", "--verify", line.replace("points=", "points=1"))
    assert cheated.code == 1
    assert "not confirmed: the line was changed" in cheated.out
    other = shell("drill", "--verify", line[:-4] + "0000")
    assert other.code == 1
    assert "is not the one that was handed in" in other.out
    name = line.partition("run=")[2].split()[0]
    journal = tmp_path / "runs" / name / "events.jsonl"
    text = journal.read_text()
    assert "the cause is rate-low" in text
    journal.write_text(text.replace("the cause is rate-low", "the cause is capacity", 1))
    changed = shell("drill", "--verify", name)
    assert changed.code == 1
    assert "the journal was changed" in changed.out
    journal.write_text(text.replace("RunStarted", "RunBegun", 1))
    headless = shell("drill", "--verify", name)
    assert headless.code == 2
    assert "the journal was changed, and its beginning is missing" in headless.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["drill", "33"], "no drill '33'; did you mean 'drill-3'"),
        (["drill", "--hand-in", "gone"], "no run"),
        (["drill", "--verify", "drill-3 seed=7 points"], "is no complete line of `drill --hand-in`"),
        (["drill", "3", "--hand-in", "last"], "--hand-in takes no drill"),
        (["drill", "--hand-in", "last", "--verify", "last"], "use only one of --hand-in and --verify"),
        (["drill", "--seed", "-1"], "--seed"),
        (["drill", "3", "--force"], "--force needs --measure FILE"),
        (["drill", "3", "--json"], "--json needs"),
        (["drill", "--measure", "no/where.json"], "the directory 'no' does not exist"),
        (["drill", "--list", "--headless"], "--list opens no screen"),
    ],
)
def test_what_makes_no_sense_is_refused(shell, arguments, words):
    done = shell(*arguments)
    assert done.code == 2
    assert words in done.err


def test_a_run_that_is_no_drill_has_no_score(shell):
    assert shell("run", "tiny.toml", "--headless").code == 0
    done = shell("drill", "--hand-in", "last")
    assert done.code == 2
    assert "is no drill of this program" in done.err
