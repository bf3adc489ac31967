"""Runs on another machine: a real ssh to a real server, its line cut, stalled and slowed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.session.conftest import SessionClient, spec_for
from tests.session.remote.ssh_server import SSHD, SshServer
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.session.base import Greeting
from tui_trainer.session.launch import launch
from tui_trainer.session.remote.address import Address
from tui_trainer.session.remote.remote_session import remote_session

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not SSHD, reason="no OpenSSH server here: apt install openssh-server"),
]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    folder = tmp_path / "ssh"
    folder.mkdir()
    server = SshServer(folder)
    monkeypatch.setenv("TUI_TRAINER_SSH", server.command)
    yield server
    server.close()


def address(server: SshServer, tmp_path: Path, name: str = "", *, finished: bool = False) -> Address:
    return Address("box", name, server.program, str(tmp_path / "runs"), finished)


@dataclass
class Trained:
    """A run, and a client on this side of the line."""

    folder: Path
    local: SessionClient


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[Trained]:
    """A run that trains until the test is over."""
    spec = spec_for(tmp_path, training={"epochs": 1_000_000, "steps_per_second": 200})
    launched = launch(spec)
    local = SessionClient(launched.session())
    local.until(lambda: local.state.step > 20, "the first steps")
    yield Trained(Path(spec.runs[0].path), local)
    if not local.state.over:
        local.session.send(cmd.Stop(when="now"))
        local.until(lambda: local.state.over or any(notice.fatal for notice in local.notices()), "the end")
    local.session.close()
    launched.process.wait(120)


def cut_off(client: SessionClient) -> bool:
    return any(notice.cut_off for notice in client.notices())


def greetings(client: SessionClient) -> int:
    return sum(isinstance(message, Greeting) for message in client.messages)


def test_a_run_is_steered_and_a_cut_line_is_made_again_without_a_gap(server, trained, tmp_path):
    client = SessionClient(remote_session(address(server, tmp_path)))
    client.until(lambda: client.state.step > 0, "the greeting")
    answer = client.ask(cmd.SetLearningRate(value=0.05))
    assert isinstance(answer, ev.SettingChanged)

    server.line.down = True
    server.line.cut()
    client.until(lambda: cut_off(client), "the notice")
    refused = client.ask(cmd.SetLearningRate(value=0.5))
    assert isinstance(refused, ev.Refused)
    assert "connection to box is lost" in refused.reason

    at, before = client.state.step, greetings(client)
    server.line.down = False
    client.until(lambda: greetings(client) > before, "the next greeting")
    client.until(lambda: client.state.step > at + 50, "later steps")
    (again,) = [notice.text for notice in client.notices() if "again after" in notice.text]
    assert again.startswith("connected to box again after")
    local = trained.local
    client.ask(cmd.Pause())
    local.until(lambda: local.state.status == client.state.status == "paused", "the pause")
    local.until(lambda: local.state.seq == client.state.seq or client.tick(), "the same events")
    assert client.state.series["train_loss"].state_dict() == local.state.series["train_loss"].state_dict()


def test_a_stalled_line_is_noticed(server, trained, tmp_path):
    client = SessionClient(remote_session(address(server, tmp_path)))
    client.until(lambda: client.state.step > 0, "the greeting")
    server.line.stalled = True
    client.until(lambda: cut_off(client), "the notice")
    server.line.stalled = False
    at = client.state.step
    client.until(lambda: client.state.step > at + 50, "later steps")


def test_a_slow_line_shows_the_newest_state(server, trained, tmp_path):
    client, local = SessionClient(remote_session(address(server, tmp_path))), trained.local
    server.line.pause = 0.1
    client.until(lambda: client.state.step > 0, "the greeting")
    local.until(lambda: local.state.step > 400, "many steps")
    at = local.state.step
    client.until(lambda: client.state.step >= at, "the same step over the slow line")
    assert not cut_off(client)


def test_a_host_that_was_killed_ends_the_session_with_its_reason(server, trained, tmp_path):
    client = SessionClient(remote_session(address(server, tmp_path)))
    client.until(lambda: client.state.step > 0, "the greeting")
    owner = RunDir(trained.folder).owner()
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    client.until(lambda: any(notice.fatal for notice in client.notices()), "the end")
    (end,) = [notice.text for notice in client.notices() if notice.fatal]
    assert "box: ended at step" in end


def test_a_run_that_ended_while_the_line_was_down_is_no_endless_wait(server, trained, tmp_path):
    client, local = SessionClient(remote_session(address(server, tmp_path))), trained.local
    client.until(lambda: client.state.step > 0, "the greeting")
    server.line.down = True
    server.line.cut()
    client.until(lambda: cut_off(client), "the notice")
    local.session.send(cmd.Stop(when="now"))
    local.until(lambda: local.state.over, "the end")
    local.until(lambda: RunDir(trained.folder).owner() is None, "the end of the host")
    server.line.down = False
    client.until(lambda: any(notice.fatal for notice in client.notices()), "the answer")
    assert "tui-trainer open" in client.notices()[-1].text


def test_finished_runs_and_logs_are_opened_there(server, tmp_path):
    launched = launch(spec_for(tmp_path))
    local = SessionClient(launched.session())
    local.until(lambda: local.state.over, "the end")
    launched.process.wait(120)
    client = SessionClient(remote_session(address(server, tmp_path, "last", finished=True)))
    client.until(lambda: client.state.over, "the run")
    assert client.state.series["train_loss"].state_dict() == local.state.series["train_loss"].state_dict()
    assert client.session.kind == "finished"

    log = tmp_path / "my log's.csv"
    log.write_text("step,loss\n1,0.5\n2,0.25\n")
    client = SessionClient(remote_session(address(server, tmp_path, str(log), finished=True)))
    client.until(lambda: client.state.series, "the log")
    with log.open("a") as file:
        file.write("3,0.125\n")
    client.until(lambda: client.state.step == 3, "the line that was added")


@pytest.mark.parametrize(
    ("host", "name", "program", "message"),
    [
        ("box", "nothing", "", "box: no live run 'nothing'"),
        ("box", "", "/no/such/tui-trainer", "No such file|not found"),
        ("nowhere.invalid", "", "", "nowhere.invalid: ssh: .*resolve"),
    ],
)
def test_what_cannot_be_reached_is_said_before_there_is_a_screen(server, tmp_path, host, name, program, message):
    wanted = Address(host, name, program or server.program, str(tmp_path / "runs"))
    with pytest.raises(UserError, match=message):
        remote_session(wanted)
