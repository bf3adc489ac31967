"""Run directories on a file system without locks: hosts are still kept apart, and nothing looks alive that is not."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import pytest

from tui_trainer.errors import UserError
from tui_trainer.runs import file_lock
from tui_trainer.runs.catalog import read_run_info
from tui_trainer.runs.process_start import process_start
from tui_trainer.runs.run_dir import Owner, RunDir

OWNER = Owner(os.getpid(), "here", "socket")


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def no_locks(monkeypatch, request):
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(file_lock.fcntl, "flock", refuse)


def made(path) -> RunDir:
    run = RunDir(path)
    run.create("title = 'x'\n", {"preset": "wine", "started": "2026-01-01T00:00:00.000Z"}, OWNER)
    return run


def other_process(path, code: str = "import sys; sys.stdin.read()") -> subprocess.Popen[bytes]:
    """A process that still runs, named in the owner file."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    started = process_start(process.pid)
    content = {"pid": process.pid, "started": started, "host": file_lock.socket.gethostname()}
    (path / ".owner").write_text(json.dumps(content))
    return process


def test_a_run_is_held_while_its_process_runs_and_free_after_it(no_locks, tmp_path):
    run = made(tmp_path / "a")
    assert not run.has_locks
    assert run.owner() is not None
    run.claim()
    run.release()
    assert run.owner() is None
    assert not run.owner_file.exists()
    assert read_run_info(tmp_path / "a").status == "dead"


def test_another_host_is_refused_while_it_runs(no_locks, tmp_path):
    made(tmp_path / "a").release()
    process = other_process(tmp_path / "a")
    with pytest.raises(UserError, match="another host is training run 'a'"):
        RunDir(tmp_path / "a").hold(OWNER)
    process.communicate()
    run = RunDir(tmp_path / "a")
    run.hold(OWNER)
    run.claim()
    assert run.owner() is not None


def test_a_reused_pid_is_no_owner(no_locks, tmp_path):
    made(tmp_path / "a").release()
    content = {"pid": os.getpid(), "started": 1.0, "host": file_lock.socket.gethostname()}
    (tmp_path / "a" / ".owner").write_text(json.dumps(content))
    assert RunDir(tmp_path / "a").owner() is None


def test_a_host_of_another_machine_counts_while_it_refreshes(no_locks, tmp_path):
    made(tmp_path / "a").release()
    file = tmp_path / "a" / ".owner"
    file.write_text(json.dumps({"pid": 1, "started": 1.0, "host": "elsewhere"}))
    with pytest.raises(UserError, match="another host"):
        RunDir(tmp_path / "a").hold(OWNER)
    os.utime(file, (1, 1))
    RunDir(tmp_path / "a").hold(OWNER)


def test_damaged_owner_files_own_nothing(no_locks, tmp_path):
    made(tmp_path / "a").release()
    for content in (b"", b"\xff", b"[]", b'{"pid": "x"}', b'{"pid": 1e400, "started": 0, "host": ""}'):
        (tmp_path / "a" / ".owner").write_bytes(content)
        assert RunDir(tmp_path / "a").owner() is None


def test_where_locks_work_there_is_no_owner_file(tmp_path):
    run = made(tmp_path / "a")
    assert run.has_locks
    assert not run.owner_file.exists()
    with pytest.raises(UserError, match="another host"):
        RunDir(tmp_path / "a").hold(OWNER)
