"""A preset with variants on the command line: steered one by one and together, killed, resumed, replayed."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Shell
from tests.support import wait_for
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import read_events
from tui_trainer.runs.run_dir import RunDir

SET = f"""{TINY}
[checkpoints]
every_steps = 50
[[variant]]
name = "plain"
[[variant]]
name = "dropped"
model.dropout = 0.3
[[variant]]
name = "full"
data.sampling = "full"
"""


def kill_host(shell: Shell) -> None:
    owner = RunDir(shell.directory / "runs/g/plain").owner()
    if owner is not None:
        os.kill(owner.pid, signal.SIGKILL)
        wait_for(lambda: RunDir(shell.directory / "runs/g/plain").owner() is None, what="the end of the host")


@pytest.fixture
def live(shell) -> Iterator[Shell]:
    """A shell with a live group that trains until it is stopped."""
    (shell.directory / "set.toml").write_text(SET)
    assert shell("run", "set.toml", "training.epochs=1000000", "--detach", "--name", "g").code == 0
    yield shell
    kill_host(shell)


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory, forks) -> Path:
    """The runs directory of a shell in which a group has been trained."""
    shell = Shell(tmp_path_factory.mktemp("group"), forks)
    (shell.directory / "set.toml").write_text(SET)
    assert shell("run", "set.toml", "--name", "g").code == 0
    return shell.directory / "runs"


@pytest.fixture
def trained(shell, trained_runs) -> Shell:
    """A shell with a copy of the trained group."""
    shutil.copytree(trained_runs, shell.directory / "runs")
    return shell


def test_a_group_is_steered_killed_resumed_and_replayed_run_by_run(live):
    shell = live
    wait_for(lambda: min(run["step"] for run in shell.json("runs")) > 200, what="steps and saves of all three")
    alone = shell("send", "g/plain", "set-lr", "value=0.05")
    assert (alone.code, alone.out.count("\n")) == (0, 1)
    everyone = shell("send", "g", "set-clip", "value=0.5")
    assert sorted(line.partition(": ")[0] for line in everyone.out.splitlines()) == ["dropped", "full", "plain"]
    assert shell("send", "g/dropped", "stop").code == 0
    wait_for(
        lambda: {run["status"] for run in shell.json("runs")} == {"running", "finished"}, what="the end of one run"
    )
    refused = shell("send", "g/dropped", "pause")
    assert refused.code == 2
    assert refused.err.startswith("tui-trainer: no live run 'g/dropped'")
    kill_host(shell)
    before = {run["name"]: (run["status"], run["step"]) for run in shell.json("runs")}
    assert [status for _, (status, _) in sorted(before.items())] == ["finished", "dead", "dead"]

    assert shell("resume", "g", "--detach").code == 0
    wait_for(
        lambda: all(run["step"] > before[run["name"]][1] + 50 for run in shell.json("runs")),
        what="progress of all three runs",
    )
    assert {run["status"] for run in shell.json("runs")} == {"running"}
    halved = [json.loads(line) for line in shell("send", "g", "set-lr", "factor=0.5", "--json").out.splitlines()]
    assert {(event["run"], event["previous"], event["value"]) for event in halved} == {
        ("g/plain", 0.05, 0.025), ("g/dropped", 0.1, 0.05), ("g/full", 0.1, 0.05),
    }  # fmt: skip
    assert shell("send", "g", "stop").out.count("stopping") == 3
    wait_for(lambda: {run["status"] for run in shell.json("runs")} == {"finished"}, what="the end of all three runs")

    done = shell("replay", "g")
    steps = {run["name"]: run["step"] for run in shell.json("runs") if run["name"].startswith("g/")}
    assert done.code == 0, done.err
    assert done.out.splitlines()[-4:] == [
        *(f"g/{name}: identical over {steps[f'g/{name}']:,} steps" for name in ("plain", "dropped", "full")),
        f"all 3 runs identical, {sum(steps.values()):,} steps in total",
    ]
    replays = [run for run in shell.json("runs") if not run["name"].startswith("g/")]
    assert sorted(run["name"].rpartition("/")[2] for run in replays) == ["dropped", "full", "plain"]


def test_the_run_of_a_group_that_differs_is_named_and_sets_the_exit_code(trained):
    shell = trained
    journal = shell.directory / "runs/g/dropped/events.jsonl"
    lines: list[bytes] = []
    for event in read_events(journal):
        if isinstance(event, ev.Scalars) and 7 in event.steps and "train_loss" in event.values:
            losses = list(event.values["train_loss"])
            losses[event.steps.index(7)] = 0.125
            event = event.model_copy(update={"values": {**event.values, "train_loss": losses}})
        lines.append(encode_event(event))
    journal.write_bytes(b"".join(lines))
    done = shell("replay", "g")
    assert done.code == 1
    plain, dropped, full, summary = done.out.splitlines()[-4:]
    assert plain == "g/plain: identical over 20 steps"
    assert dropped.startswith("g/dropped: step 7: train_loss was 0.125, is 0.")
    assert full == "g/full: identical over 4 steps"
    assert summary == "1 of 3 runs not identical"
    assert shell("replay", "g/full").out.splitlines()[-1] == "identical over 4 steps"


def test_a_run_of_a_group_without_a_step_is_not_compared(trained):
    shell = trained
    (shell.directory / "runs/g/full/events.jsonl").write_bytes(b"")
    done = shell("replay", "g")
    assert done.code == 0, done.err
    assert done.out.splitlines()[-2:] == ["g/full: no step to compare", "all 2 runs identical, 40 steps in total"]
    (shell.directory / "runs/g/full/events.jsonl").unlink()
    single = shell("replay", "g/full")
    assert (single.code, single.err) == (2, "tui-trainer: run 'g/full' has no steps to compare\n")
