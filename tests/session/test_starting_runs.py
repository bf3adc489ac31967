"""A run is there from the moment its host is launched: for `runs`, `last`, `send` and `attach`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.session.conftest import SessionClient, run_host, spec_for
from tests.support import wait_for
from tui_trainer.errors import UserError
from tui_trainer.host import worker
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs import run_list
from tui_trainer.runs.catalog import find_run, find_runs, list_runs
from tui_trainer.runs.run_list import starting_runs, write_run_list
from tui_trainer.session.connect import RunDirectory, find_steered, folders_of, join, wait_until_listening
from tui_trainer.session.launch import launch
from tui_trainer.session.request import HostStatus, request

RUN = {"name": "group/one", "path": "", "preset": "wine"}


def test_a_run_is_listed_and_steered_as_soon_as_its_host_is_launched(tmp_path):
    spec = spec_for(tmp_path, training={"epochs": 1_000_000})
    runs = tmp_path / "runs"
    launched = launch(spec)
    try:
        (info,) = list_runs(runs)
        assert not (runs / "run").exists()  # torch is still being imported
        assert (info.name, info.status, info.starting, info.preset) == ("run", "running", True, "tiny")
        assert info.to_json()["status"] == "running"
        assert find_run("last", runs).name == find_run("tiny", runs, live=True).name == "run"
        assert [item.name for item in RunDirectory(str(runs)).runs()] == ["run"]
        with pytest.raises(UserError, match="is starting; watch it with `tui-trainer attach run`"):
            folders_of("last", runs)
        (steered,) = find_steered("last", str(runs))
        wait_until_listening(steered)
        answers = list(request(Path(steered.socket), "pause", (), by="test", run="*", timeout=120))
        assert [message.code for message in answers if not isinstance(message, HostStatus)] == [0]
        wait_for(lambda: [(info.status, info.starting) for info in list_runs(runs)] == [("paused", False)])
    finally:
        SessionClient(launched.session()).session.send(cmd.Stop())
        launched.process.kill()
        launched.process.wait(120)


def test_a_viewer_that_comes_early_waits_for_the_host(tmp_path):
    spec = spec_for(tmp_path)
    launched = launch(spec)
    client = SessionClient(join(find_run("last", tmp_path / "runs")))
    client.until(lambda: client.states, "a greeting")
    assert list(client.states) == ["run"]
    client.until(lambda: client.state.over, "the end")
    launched.process.wait(120)


def test_a_host_that_died_while_starting_is_forgotten(tmp_path):
    spec = spec_for(tmp_path)
    launched = launch(spec)
    assert [info.name for info in starting_runs(tmp_path / "runs")] == ["run"]
    launched.process.kill()
    launched.process.wait(120)
    assert list_runs(tmp_path / "runs") == []
    with pytest.raises(UserError, match="no run"):
        find_run("last", tmp_path / "runs")


def test_a_list_says_starting_until_every_run_trains(tmp_path, monkeypatch):
    seen = []
    build = worker.Worker._build

    def look(self):
        seen.append([(info.name, info.starting) for info in list_runs(tmp_path / "runs")])
        build(self)

    monkeypatch.setattr(worker.Worker, "_build", look)
    spec = spec_for(tmp_path)
    _, thread = run_host(spec)
    thread.join(120)
    assert seen == [[("run", True)]]
    assert [(info.status, info.starting) for info in list_runs(tmp_path / "runs")] == [("finished", False)]


@pytest.fixture
def socket(tmp_path, monkeypatch) -> Path:
    """Return the path of a socket in the directory where hosts are looked for."""
    monkeypatch.setattr(run_list, "socket_dirs", lambda: [tmp_path / "sockets"])
    (tmp_path / "sockets").mkdir()
    return tmp_path / "sockets" / "abc.sock"


def test_a_group_that_starts_is_one_name(tmp_path, socket):
    runs = [RUN | {"name": f"group/{name}", "path": str(tmp_path / "runs" / "group" / name)} for name in ("b", "a")]
    write_run_list(socket, runs, os.getpid(), starting=True)
    assert [info.name for info in find_runs("group", tmp_path / "runs")] == ["group/b", "group/a"]
    assert [info.name for info in find_runs(str(tmp_path / "runs" / "group"), Path("x"), live=True)] == [
        "group/b",
        "group/a",
    ]
    assert list_runs(tmp_path / "other") == []
    write_run_list(socket, runs, os.getpid(), starting=False)
    assert starting_runs() == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"starting": 1, "runs": []}', '{"starting": {"pid": "x"}}', "null"])
def test_a_damaged_list_is_ignored(socket, text):
    socket.with_suffix(".json").write_text(text)
    assert starting_runs() == []


def test_a_list_of_a_process_that_took_over_the_number_is_ignored(tmp_path, socket):
    write_run_list(socket, [RUN | {"path": str(tmp_path / "x")}], os.getpid(), starting=True)
    path = socket.with_suffix(".json")
    fields = json.loads(path.read_text())
    fields["starting"]["process_started"] -= 100
    path.write_text(json.dumps(fields))
    assert starting_runs() == []
    assert not path.exists()


def test_a_zombie_does_not_start(tmp_path, socket):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_run_list(socket, [RUN | {"path": str(tmp_path / "group" / "one")}], child.pid, starting=True)
    assert [info.name for info in starting_runs()] == ["group/one"]
    assert child.stdin is not None
    child.stdin.close()
    wait_for(lambda: starting_runs() == [])
    child.wait(120)
