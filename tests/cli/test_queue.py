"""The queue from the shell: order, failures, and a runner, a host or both killed at every stage."""

from __future__ import annotations

import json
import os
import signal
import tomllib
from dataclasses import replace

import pytest

from tests.cli.conftest import TINY
from tests.support import wait_for
from tui_trainer.errors import UserError
from tui_trainer.queueing.editing import add, remove
from tui_trainer.queueing.entries import MAX_OVER, Damaged, Entry, Queue, decode, encode
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.runs.run_dir import owner_of

ENDLESS = "training.epochs=1000000"


def states(shell) -> list[tuple[int, str, str]]:
    return [(entry["number"], entry["state"], entry["reason"]) for entry in shell.json("queue")]


def owner(shell, name):
    return owner_of(shell.directory / "runs" / name)


def types(shell, name) -> list[str]:
    lines = (shell.directory / "runs" / name / "events.jsonl").read_bytes().splitlines()
    return [json.loads(line)["type"] for line in lines]


def start_endless(shell, name="long"):
    """Queue a run without end, then a short one, and start the runner in the foreground; returns its process."""
    assert shell("queue", "add", "tiny.toml", ENDLESS, "--name", name).out == "1\n"
    assert shell("queue", "add", "tiny.toml", "--name", "next").out == "2\n"
    runner = shell.start("queue", "run", "--foreground")
    path = shell.directory / "runs" / name / "checkpoints" / "last.safetensors"
    wait_for(lambda: owner(shell, name) is not None and path.exists(), what="the first checkpoint")
    return runner


def finish(shell, runner, name="long"):
    done = shell("send", name, "stop", "when=now")
    assert done.code == 0, done.err
    out, _ = runner.communicate(timeout=120)
    assert runner.returncode == 0
    assert states(shell) == [(1, "done", "stopped"), (2, "done", "completed")]
    return out


def test_runs_are_trained_in_order_and_a_failed_one_does_not_stop_the_rest(shell):
    shell("queue", "add", "tiny.toml", "--name", "a", "optimizer.lr=0.05")
    shell("queue", "add", "tiny.toml", "--name", "b", "data.kind=csv", "data.path=gone.csv", "data.target=y")
    (shell.directory / "tiny.toml").write_text(TINY.replace("epochs = 4", "epochs = 9"))
    shell("queue", "add", "tiny.toml", "--name", "d")
    done = shell("queue", "run", "--foreground")
    assert done.code == 0
    assert done.out.splitlines()[:3] == ["1 tiny: training as a", "1 a: completed", "2 tiny: training as b"]
    assert [state for _, state, _ in states(shell)] == ["done", "failed", "done"]
    assert "gone.csv" in states(shell)[1][2]
    assert [run["epoch"] for run in sorted(shell.json("runs"), key=lambda run: run["name"])] == [4, 9]
    assert tomllib.loads((shell.directory / "runs/a/run.toml").read_text())["optimizer"]["lr"] == 0.05
    started = [entry["started"] for entry in shell.json("queue")]
    assert started == sorted(started)
    assert "failed" in shell("queue").out


def test_an_entry_added_while_the_queue_runs_is_trained_and_a_second_runner_is_not_started(shell):
    runner = start_endless(shell)
    added = shell("queue", "add", "tiny.toml", "--name", "late")
    assert (added.out, "when its turn comes" in added.err) == ("3\n", True)
    assert "already" in shell("queue", "run", "--foreground").err
    refused = shell("queue", "remove", "1")
    assert (refused.code, "send long stop" in refused.err) == (2, True)
    assert shell("queue", "remove", "2").code == 0
    assert shell("send", "long", "stop", "when=now").code == 0
    runner.communicate(timeout=120)
    assert states(shell) == [(1, "done", "stopped"), (3, "done", "completed")]


@pytest.mark.long
def test_after_the_runner_was_killed_the_next_one_waits_for_the_run_that_trains(shell):
    runner = start_endless(shell)
    host = owner(shell, "long")
    runner.kill()
    runner.communicate(timeout=120)
    assert "queue run" in shell("queue").out
    runner = shell.start("queue", "run", "--foreground")
    wait_for(lambda: QueueFile(shell.directory / "runs").runner.holder() == runner.pid)
    assert owner(shell, "long") == host
    finish(shell, runner)
    assert types(shell, "long").count("RunStarted") == 1


def test_after_a_power_cut_the_run_is_resumed(shell):
    runner = start_endless(shell)
    host = owner(shell, "long")
    runner.kill()
    os.kill(host.pid, signal.SIGKILL)
    runner.communicate(timeout=120)
    wait_for(lambda: owner(shell, "long") is None)
    runner = shell.start("queue", "run", "--foreground")
    wait_for(lambda: types(shell, "long").count("RunStarted") == 2, what="the resumed run")
    assert "1 tiny: resuming long" in finish(shell, runner)


@pytest.mark.long
def test_a_host_that_is_killed_fails_its_entry_and_the_next_one_begins(shell):
    runner = start_endless(shell)
    os.kill(owner(shell, "long").pid, signal.SIGKILL)
    runner.communicate(timeout=120)
    (_, state, reason), following = states(shell)
    assert state == "failed"
    assert "killed" in reason
    assert following == (2, "done", "completed")


@pytest.mark.parametrize("folder", [False, True], ids=["no folder", "a folder that never became a run"])
def test_a_runner_killed_before_its_host_began_launches_the_run(shell, folder):
    shell("queue", "add", "tiny.toml", "--name", "a")
    file = QueueFile(shell.directory / "runs")
    file.put(replace(file.read().entries[0], state="training"))
    if folder:
        (shell.directory / "runs" / "a" / "checkpoints").mkdir(parents=True)
    assert shell("queue", "run", "--foreground").code == 0
    assert states(shell) == [(1, "done", "completed")]


def test_a_runner_killed_after_the_run_was_over_writes_down_its_end(shell):
    shell("queue", "add", "tiny.toml", "--name", "a")
    shell("queue", "run", "--foreground")
    file = QueueFile(shell.directory / "runs")
    file.put(replace(file.read().entries[0], state="training", reason=""))
    before = (shell.directory / "runs/a/events.jsonl").read_bytes()
    assert shell("queue", "run", "--foreground").code == 0
    assert states(shell) == [(1, "done", "completed")]
    assert (shell.directory / "runs/a/events.jsonl").read_bytes() == before


def test_stop_now_saves_the_run_and_the_next_runner_resumes_it(shell):
    runner = start_endless(shell)
    stopped = shell("queue", "stop", "--now")
    assert "resumes it" in stopped.err
    runner.communicate(timeout=120)
    assert runner.returncode == 0
    wait_for(lambda: owner(shell, "long") is None, what="the end of the host")
    assert [state for _, state, _ in states(shell)] == ["training", "waiting"]
    assert {run["name"]: run["reason"] for run in shell.json("runs")} == {"long": "interrupted"}
    runner = shell.start("queue", "run", "--foreground")
    wait_for(lambda: types(shell, "long").count("RunStarted") == 2, what="the resumed run")
    finish(shell, runner)


@pytest.mark.long
def test_stop_lets_the_run_go_on(shell):
    runner = start_endless(shell)
    assert "goes on" in shell("queue", "stop").err
    runner.communicate(timeout=120)
    assert owner(shell, "long") is not None
    assert shell("send", "long", "stop", "when=now").code == 0


@pytest.mark.long
def test_run_works_in_the_background(shell):
    shell("queue", "add", "tiny.toml", "--name", "a")
    done = shell("queue", "run")
    assert (done.code, "background" in done.err) == (0, True)
    wait_for(lambda: states(shell) == [(1, "done", "completed")], what="the end of the queue")
    assert "nothing is waiting" in shell("queue", "run").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ad"], "did you mean 'add'?"),
        (["add"], "queue add needs a PRESET"),
        (["add", "digits-mpl"], "digits-mlp"),
        (["add", "tiny.toml", "optimizer.lrr=1"], "lr"),
        (["add", "tiny.toml", "--name", "../x"], "--name"),
        (["remove"], "needs the number"),
        (["remove", "7"], "no entry 7"),
        (["run", "x"], "takes no 'x'"),
    ],
)
def test_bad_input_is_named(shell, arguments, said):
    done = shell("queue", *arguments)
    assert (done.code, said in done.err) == (2, True), done.err


def test_a_damaged_file_is_named_and_kept(shell):
    (shell.directory / "runs").mkdir()
    path = shell.directory / "runs" / "queue.json"
    for text in ("{", '{"next": 1, "entries": [3]}', '{"next": 1, "entries": [{"number": 1, "preset": 4}]}'):
        path.write_text(text)
        for arguments in ([], ["add", "tiny.toml"], ["run"]):
            done = shell("queue", *arguments)
            assert (done.code, "queue.json: not a queue" in done.err) == (2, True)
        assert path.read_text() == text


def test_the_file_is_read_as_it_was_written():
    entry = Entry(3, "wine", {"": {"data": {"kind": "wine"}}}, ("optimizer.lr=0.1",), "a", "/tmp", True, "failed", "é")
    assert decode(encode(Queue((entry,), 9))) == Queue((entry,), 9)
    with pytest.raises(Damaged):
        decode(encode(Queue((entry, entry), 9)))


def test_numbers_are_not_given_twice_and_old_entries_are_dropped():
    queue = Queue()
    for number in range(1, MAX_OVER + 6):
        queue = queue.with_entry(Entry(number, "wine"))
    assert queue.without(MAX_OVER + 5).next_number == MAX_OVER + 6
    for entry in queue.entries:
        queue = queue.with_entry(replace(entry, state="done"))
    assert [entry.number for entry in queue.entries] == list(range(6, MAX_OVER + 6))


def test_a_name_is_queued_once(tmp_path):
    file = QueueFile(tmp_path)
    add(file, "wine", [], name="a")
    with pytest.raises(UserError, match="in the queue already"):
        add(file, "wine", [], name="a")
    remove(file, 1)
    assert add(file, "wine", [], name="a").number == 2


def test_paths_of_data_are_those_of_the_directory_where_the_entry_was_added(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = 'kind = "csv"\npath = "{}.csv"\ntarget = "y"\n'
    text = f"[data]\n{table.format('train')}[validation_sets.shifted.data]\n{table.format('shifted')}"
    (tmp_path / "mine.toml").write_text(text)
    for name in ("train.csv", "shifted.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    [run] = add(QueueFile(tmp_path), "mine.toml", []).runs.values()
    assert run["data"]["path"] == str(tmp_path / "train.csv")
    assert run["validation_sets"]["shifted"]["data"]["path"] == str(tmp_path / "shifted.csv")
