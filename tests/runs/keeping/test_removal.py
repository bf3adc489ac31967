"""Deleting runs and their checkpoints: all that was named, nothing that lives, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs.many_runs import make_run
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import find_run, list_runs
from tui_trainer.runs.keeping.disk_use import size_of, size_text
from tui_trainer.runs.keeping.kept import read_kept
from tui_trainer.runs.keeping.removal import delete_run, keep_best
from tui_trainer.runs.run_dir import Owner, RunDir


def with_checkpoints(path: Path, *names: str) -> Path:
    make_run(path)
    (path / "checkpoints").mkdir()
    for name in names:
        (path / "checkpoints" / f"{name}.safetensors").write_bytes(b"x" * 1000)
    return path


def test_a_deleted_run_is_gone_and_its_bytes_are_told(tmp_path):
    run = with_checkpoints(tmp_path / "one", "last", "best")
    make_run(tmp_path / "two")
    expected = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
    assert delete_run(find_run("one", tmp_path)) == expected > 2000
    assert [entry.name for entry in tmp_path.iterdir()] == ["two"]


def test_the_folder_of_a_set_goes_with_its_last_run(tmp_path):
    make_run(tmp_path / "g" / "a")
    make_run(tmp_path / "g" / "b")
    delete_run(find_run("g/a", tmp_path))
    assert [info.name for info in list_runs(tmp_path)] == ["g/b"]
    delete_run(find_run("g/b", tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("remove", [delete_run, keep_best])
def test_a_run_that_a_host_holds_stays(tmp_path, remove):
    run = with_checkpoints(tmp_path / "one", "last", "best")
    listed = find_run("one", tmp_path)
    host = RunDir(run)
    host.hold(Owner(1, "here", ""))  # after it was listed: the lock is asked
    with pytest.raises(UserError, match=r"run 'one' is training; stop it first: `tui-trainer send one stop`"):
        remove(listed)
    assert size_of(run) > 2000
    host.release()
    remove(listed)
    assert size_of(run) < 2000


def test_a_project_with_a_file_named_like_a_configuration_is_no_run_to_delete(tmp_path):
    (tmp_path / "project" / "src").mkdir(parents=True)
    (tmp_path / "project" / "run.toml").write_text("title = 'x'\n")
    with pytest.raises(UserError, match=r"holds folders that no run wrote: src; move them away first"):
        delete_run(find_run("project", tmp_path))
    assert (tmp_path / "project" / "src").is_dir()


def test_a_link_is_not_followed(tmp_path):
    target = make_run(tmp_path / "elsewhere" / "one")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(target)
    with pytest.raises(UserError, match=r"is a symbolic link; remove the link by hand"):
        delete_run(find_run("link", tmp_path / "runs"))
    assert target.is_dir()


def test_only_the_best_checkpoint_is_kept(tmp_path):
    run = with_checkpoints(tmp_path / "one", "last", "best", "epoch-00001", ".previous-last")
    assert keep_best(find_run("one", tmp_path)) == 3000
    assert [file.name for file in (run / "checkpoints").iterdir()] == ["best.safetensors"]
    assert read_kept(run).best_only
    assert keep_best(find_run("one", tmp_path)) == 0


def test_without_a_best_checkpoint_all_are_kept(tmp_path):
    run = with_checkpoints(tmp_path / "one", "last")
    with pytest.raises(UserError, match=r"run 'one' has no best checkpoint; all that it has was kept"):
        keep_best(find_run("one", tmp_path))
    assert (run / "checkpoints" / "last.safetensors").exists()
    assert not (run / "kept.json").exists()


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (3_440, "3.4 kB"),
        (62_000, "62 kB"),
        (999_600, "1 MB"),
        (5e15, "5000 TB"),
    ],
)
def test_sizes_are_read_in_their_unit(size, text):
    assert size_text(size) == text
