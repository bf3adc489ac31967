"""The run directory: one writer, a lock that ends with its process, and a listing that survives damaged files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.checksum import seal
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.catalog import find_run, list_runs, read_run_info
from tui_trainer.runs.journal import Journal
from tui_trainer.runs.run_dir import Owner, RunDir, name_is_taken

OWNER = Owner(123, "here", "/tmp/x.sock")


def make(path, preset="digits-mlp", started="2026-01-01T00:00:00.000Z") -> RunDir:
    folder = RunDir(path)
    folder.create("title = 'x'\n", {"preset": preset, "started": started}, OWNER)
    return folder


def test_two_hosts_can_never_hold_one_folder(tmp_path):
    folder = make(tmp_path / "a")
    with pytest.raises(UserError, match="another host"):
        RunDir(tmp_path / "a").hold(OWNER)
    folder.release()
    again = RunDir(tmp_path / "a")
    again.hold(OWNER)
    again.release()


def test_a_name_that_is_taken_is_refused(tmp_path):
    make(tmp_path / "a").release()
    with pytest.raises(UserError, match="already exists"):
        make(tmp_path / "a")


def test_the_lock_ends_with_its_process_and_its_pid_is_never_trusted(tmp_path):
    path = tmp_path / "a"
    make(path).release()
    code = (
        "import sys, os\nfrom pathlib import Path\nfrom tui_trainer.runs.run_dir import *\n"
        "RunDir(Path(sys.argv[1])).hold(Owner(os.getpid(), 'h', 's'))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    owner = RunDir(path).owner()
    assert owner is not None
    assert owner.pid == holder.pid
    holder.kill()
    holder.wait()
    for stream in (holder.stdin, holder.stdout):
        stream.close()
    assert RunDir(path).owner() is None
    # The file still names a pid, and process 1 is alive, but that does not count.
    (path / ".lock").write_text(json.dumps({"pid": 1, "host": "h", "socket": "s"}))
    assert RunDir(path).owner() is None


def test_a_finished_run_is_listed_with_the_stable_fields(tmp_path):
    folder = make(tmp_path / "a")
    journal = Journal(folder.journal)
    bench = TrainerHarness(tiny_config(), folder)
    bench.finish()
    for event in bench.events:
        journal.append(encode_event(event))
    assert read_run_info(folder.path).status == "running"
    folder.release()
    info = list_runs(tmp_path)[0].to_json()
    assert (info["name"], info["status"], info["reason"], info["preset"]) == (
        "a",
        "finished",
        "completed",
        "digits-mlp",
    )
    assert (info["epoch"], info["step"]) == (4, 20)
    assert info["metrics"]["val_accuracy"] == bench.state.metrics["val_accuracy"]
    assert set(info["best"]) == {"epoch", "metric", "value"}


@pytest.mark.parametrize(
    ("events", "locked", "status"),
    [
        ([ev.StatusChanged(status="running")], True, "running"),
        ([ev.StatusChanged(status="paused")], True, "paused"),
        ([ev.StatusChanged(status="running")], False, "dead"),
        ([], False, "dead"),
        ([ev.RunFinished(reason="not-finite", exit_code=1)], False, "failed"),
        ([ev.RunFinished(reason="interrupted", exit_code=130)], False, "finished"),
    ],
)
def test_the_status_follows_from_lock_and_journal(tmp_path, events, locked, status):
    folder = make(tmp_path / "a")
    journal = Journal(folder.journal)
    for event in events:
        journal.append(encode_event(event))
    if not locked:
        folder.release()
    assert list_runs(tmp_path)[0].status == status
    folder.release()


def test_runs_are_found_by_path_name_prefix_and_last(tmp_path):
    for name, started in (("2026-01-01_a", "1"), ("2026-01-02_b", "3"), ("2026-01-02_c", "2")):
        make(tmp_path / name, started=started).release()
    make(tmp_path / "group" / "one", started="0").release()
    make(tmp_path / "group" / "two", started="0").release()
    assert find_run("2026-01-01", tmp_path).name == "2026-01-01_a"
    assert find_run("last", tmp_path).name == "2026-01-02_b"
    assert find_run(str(tmp_path / "2026-01-02_c"), tmp_path).name == "2026-01-02_c"
    assert find_run("group/two", tmp_path).name == "group/two"
    assert find_run("group", tmp_path).name.startswith("group/")
    with pytest.raises(UserError, match="matches several runs"):
        find_run("2026-01-02", tmp_path)
    with pytest.raises(UserError, match="did you mean '2026-01-02_b'"):
        find_run("2026-01-02-b", tmp_path)
    with pytest.raises(UserError, match="no live run"):
        find_run("last", tmp_path, live=True)


def test_a_folder_of_damaged_files_is_listed_as_dead(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "events.jsonl").write_bytes(b"\xff\x00{{{\n" * 100)
    (tmp_path / "x" / "about.json").write_bytes(b"[[[[")
    (tmp_path / "y").mkdir()
    assert [(info.name, info.status) for info in list_runs(tmp_path)] == [("x", "dead")]


def test_a_folder_that_never_became_a_run_is_created_again(tmp_path):
    for inside in ((), (".lock",), (".lock", "about.json", "checkpoints", ".run.toml.1.tmp")):
        path = tmp_path / f"with-{len(inside)}"
        path.mkdir()
        for name in inside:
            (path / name).mkdir() if name == "checkpoints" else (path / name).write_text("{}")
        assert not name_is_taken(path)
        assert list_runs(tmp_path) == []
        make(path).release()
        assert name_is_taken(path)
        (path / "run.toml").unlink()
        (path / "about.json").unlink()
        path.rename(tmp_path / f".{path.name}")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("not a run, and not ours")
    with pytest.raises(UserError, match="already exists"):
        make(tmp_path / "mine")


def test_a_folder_that_cannot_be_written_is_refused_and_not_left(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui_trainer.runs.atomic_write.os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        make(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["events.jsonl", "host.log", ".lock", "about.json", "checkpoints"])
def test_a_folder_with_a_link_in_it_is_not_written(tmp_path, part):
    make(tmp_path / "a").release()
    secret = tmp_path / "secret"
    secret.write_text("precious")
    path = tmp_path / "a" / part
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.symlink_to(secret)
    with pytest.raises(UserError, match="is a symbolic link"):
        RunDir(tmp_path / "a").hold(OWNER)
    assert secret.read_text() == "precious"


def test_a_folder_that_was_removed_and_is_back_is_locked_again(tmp_path):
    folder = make(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "away")
    with pytest.raises(OSError, match="the folder was removed"):
        folder.claim()
    assert RunDir(tmp_path / "a").owner() is None
    (tmp_path / "a").mkdir()
    folder.claim()
    assert RunDir(tmp_path / "a").owner() == OWNER
    with pytest.raises(UserError, match="another host"):
        RunDir(tmp_path / "a").hold(OWNER)
    folder.release()
    assert RunDir(tmp_path / "a").owner() is None


def test_a_folder_that_comes_back_empty_gets_its_config_and_about_files(tmp_path):
    folder = make(tmp_path / "a")
    before = {path.name: path.read_bytes() for path in (folder.config, folder.about)}
    shutil.rmtree(folder.path)
    folder.path.mkdir()
    folder.claim()
    assert {path.name: path.read_bytes() for path in (folder.config, folder.about)} == before
    assert folder.checkpoints.is_dir()
    folder.config.unlink()
    folder.about.write_text("{}")
    folder.claim()
    assert folder.config.read_bytes() == before["run.toml"]
    assert folder.about.read_text() == "{}"
    folder.release()


def test_a_folder_that_another_host_created_is_left_alone(tmp_path):
    folder = make(tmp_path / "a")
    journal = Journal(folder.journal, claim=folder.claim)
    journal.append(encode_event(ev.Noted(text="of the first")))
    shutil.rmtree(folder.path)
    other = make(tmp_path / "a", preset="another")
    theirs = Journal(other.journal, claim=other.claim)
    with pytest.raises(OSError, match="another host"):
        folder.claim()
    journal.check()
    journal.append(encode_event(ev.Noted(text="of the first")))
    assert journal.error
    bench = TrainerHarness(tiny_config(checkpoints={"every_steps": 5}), folder)
    bench.finish()
    assert "another host" in bench.of(ev.SavingFailed)[0].error
    finished = bench.of(ev.RunFinished)[0]
    assert "NOT SAVED: checkpoint last" in finished.detail
    assert (finished.reason, finished.exit_code, bench.state.status) == ("completed", 1, "finished")
    assert list(other.checkpoints.iterdir()) == []
    assert other.journal.read_bytes() == b""
    assert json.loads(other.about.read_text())["preset"] == "another"
    theirs.close()
    journal.close()
    folder.release()
    other.release()


@pytest.mark.parametrize("part", ["about.json", "host.log", ".lock", "run.toml"])
def test_a_pipe_in_place_of_a_file_is_refused_without_blocking(tmp_path, part):
    folder = RunDir(tmp_path / "run")
    folder.create("x = 1\n", {}, OWNER)
    folder.release()
    (folder.path / part).unlink(missing_ok=True)
    os.mkfifo(folder.path / part)
    assert folder.owner() is None
    assert [info.name for info in list_runs(tmp_path)] == (["run"] if part != "run.toml" else [])
    with pytest.raises(UserError, match="is not a regular file"):
        folder.hold(OWNER)


@pytest.mark.parametrize(
    "body",
    [
        b"[1",
        b"[" * 100_000,
        b'{"type":"RunFinished","epoch":"x","step":{},"metrics":[1],"best":"high","exit_code":[]',
        b'{"type":"EpochEnded","epoch":1e999,"step":-5,"metrics":{"val_loss":"low"},"best":{"value":"x"}',
        b'{"type":"Scalars","steps":{"a":1},"values":{"train_loss":[NaN],"lr":7,"a":["x"],"b":[1e999]}',
        b'{"type":"Scalars","steps":["x"],"values":[1,2]',
    ],
)
def test_a_valid_checksum_around_invalid_values_is_listed_without_them(tmp_path, body):
    folder = RunDir(tmp_path / "run")
    folder.create("x = 1\n", {}, OWNER)
    folder.release()
    folder.journal.write_bytes(seal(body))
    (info,) = list_runs(tmp_path)
    assert (info.epoch, info.step, info.best) == (0, 0, None)
    assert all(value is None for value in info.metrics.values())
    json.dumps(info.to_json(), allow_nan=False)
