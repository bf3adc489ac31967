"""Live runs of other machines in lists; ssh is a script that runs the command here."""

from __future__ import annotations

import json
import shlex
import stat
from pathlib import Path

import pytest

from tests.support import wait_for
from tui_trainer.errors import UserError
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.remote import remote_runs
from tui_trainer.session.remote.remote_runs import RemoteRuns, live_runs
from tui_trainer.ui.settings import checked

ROW = {
    "name": "2026-11-29_120000_wine_1a2b", "path": "/data/runs/2026-11-29_120000_wine_1a2b", "status": "paused",
    "shown": "2026-11-29_120000_wine_1a2b", "preset": "wine", "epoch": 3, "step": 90,
    "metrics": {"loss": 0.5, "x": None},
    "started": "2026-11-29T12:00:00", "seconds": 4.5,
}  # fmt: skip


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script in place of ssh: it runs the last argument in a shell."""
    script = tmp_path / "ssh"
    script.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("TUI_TRAINER_SSH", shlex.quote(str(script)))
    return script


def answering(text: str) -> str:
    return f"printf %s {shlex.quote(text)} #"


def test_runs_are_read_with_the_name_of_their_machine(ssh):
    (run,) = live_runs("box", answering(json.dumps(ROW)), None)
    assert (run.host, run.path, run.status, run.live) == ("box", ROW["path"], "paused", True)
    assert run.shown == "box:wine 1a2b"
    assert run.metrics == {"loss": 0.5, "x": None}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (answering("[1, 2]"), "box: its answer is no list of runs"),
        (answering('{"name": 3}'), "box: its answer is no list of runs"),
        ("echo 'tui-trainer: it is broken' >&2; exit 2 #", "box: it is broken"),
        ("exit 255 #", "box: exit code 255"),
    ],
)
def test_what_cannot_be_read_is_said(ssh, command, message):
    with pytest.raises(UserError, match=message):
        live_runs("box", command, None)


def test_a_list_shows_them_behind_its_own_and_keeps_them_while_nothing_changes(ssh):
    remote = RemoteRuns({"box": {"command": answering(json.dumps(ROW))}, "gone": {"command": "exit 255 #"}})
    here = [RunInfo("a", "/runs/a", "finished")]
    wait_for(lambda: len(remote.beside(here)) == 2)
    assert [run.host for run in remote.beside(here)] == ["", "box"]
    wait_for(lambda: remote.problem)
    assert remote.problem == "gone: exit code 255"
    assert remote.beside(here) is remote.beside(here)


def test_a_machine_is_not_asked_again_at_once(ssh, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(remote_runs, "live_runs", lambda host, *_: asked.append(host) or [])
    remote = RemoteRuns({"box": {}})
    for _ in range(3):
        remote.beside([])
        wait_for(lambda: asked)
    assert asked == ["box"]


def test_the_settings_name_what_a_machine_may_have():
    assert checked({"hosts": {"box": {"runs_dir": "/data"}}}, "x").hosts == {"box": {"runs_dir": "/data"}}
    with pytest.raises(UserError, match=r"hosts\.box: unknown setting 'runsdir'; did you mean 'runs_dir'"):
        checked({"hosts": {"box": {"runsdir": "/data"}}}, "x")
