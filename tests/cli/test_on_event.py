"""`--on-event COMMAND`: checked before the start, and run headless, detached and by the queue."""

from __future__ import annotations

import json

import pytest

from tests.host.test_event_command import script
from tests.support import wait_for


def got(shell) -> list[dict]:
    path = shell.directory / "got"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def hook(shell):
    """A script that appends its arguments and its standard input to files beside it."""
    script(shell.directory / "hook.sh", 'echo "$1" >> "${0%hook.sh}arguments"; cat >> "${0%hook.sh}got"')
    return "./hook.sh 'two words; $HOME'"


def test_a_headless_run_tells_its_end(shell, hook):
    done = shell("run", "tiny.toml", "--headless", "--name", "night", "--on-event", hook)
    assert done.code == 0, done.err
    (event,) = got(shell)
    assert (event["event"], event["run"], event["title"]) == ("end", "night", "Tiny")
    assert event["path"] == str(shell.directory / "runs" / "night")
    assert (shell.directory / "arguments").read_text() == "two words; $HOME\n"


def test_a_detached_run_and_a_resumed_one_tell_theirs(shell, hook):
    assert shell("run", "tiny.toml", "--detach", "--name", "night", "--on-event", hook).code == 0
    wait_for(lambda: len(got(shell)) == 1, what="the end of the run")
    wait_for(lambda: shell.json("runs")[0]["status"] == "finished", what="its end on disk")
    done = shell("resume", "night", "--headless", "--epochs", "6", "--on-event", hook)
    assert done.code == 0, done.err
    assert [event["epoch"] for event in got(shell)] == [4, 6]


def test_a_queue_tells_of_each_run(shell, hook):
    for name in ("one", "two"):
        assert shell("queue", "add", "tiny.toml", "--name", name).code == 0
    done = shell("queue", "run", "--foreground", "--on-event", hook)
    assert done.code == 0, done.err
    assert [(event["event"], event["run"]) for event in got(shell)] == [("end", "one"), ("end", "two")]


def test_a_failing_training_is_told_as_one(shell, hook):
    done = shell("run", "tiny.toml", "--headless", "--on-event", hook, "optimizer.lr=1e30", "training.epochs=50")
    assert done.code == 1
    assert got(shell)[-1]["event"] == "fail"
    assert got(shell)[-1]["exit_code"] == 1


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("notify", "--on-event: no program 'notify' on PATH; name a script with its path, as ./notify"),
        ("./gone.sh --loud", "--on-event: no file './gone.sh'"),
        ("./tiny.toml", "--on-event: './tiny.toml' is not executable; `chmod +x ./tiny.toml` makes it so"),
        ("./", "--on-event: './' is a directory; name a program or a script"),
        ("sh 'x", '--on-event "sh \'x": no closing quotation'),
        ("  ", "--on-event needs a command, for example --on-event ./notify.sh"),
    ],
)
def test_a_command_that_cannot_run_is_refused_before_the_start(shell, command, message):
    done = shell("run", "tiny.toml", "--headless", "--on-event", command)
    assert (done.code, done.err, done.out) == (2, f"tui-trainer: {message}\n", "")
    assert shell.runs == []


def test_it_belongs_to_the_run_of_a_queue(shell):
    done = shell("queue", "add", "tiny.toml", "--on-event", "true")
    assert done.code == 2
    assert "--on-event belongs to `queue run`" in done.err
