"""The index of a runs directory: it looks at little, and misses nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.runs.many_runs import LONG_AGO, age, make_run, make_runs
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs import run_index
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.runs.run_index import PARTS, RunIndex

OWNER = Owner(1, "here", "")


@pytest.fixture(scope="module")
def thousands(tmp_path_factory) -> Path:
    """Return a directory of 2,000 runs."""
    directory = tmp_path_factory.mktemp("runs")
    make_runs(directory, 2000)
    return directory


@pytest.fixture
def few(tmp_path) -> Path:
    """Return a directory of ten runs."""
    make_runs(tmp_path / "runs", 10)
    return tmp_path / "runs"


def names(index: RunIndex) -> set[str]:
    return {info.name for info in index.refresh()}


def test_thousands_at_rest_open_no_file_and_ask_few(thousands, monkeypatch):
    index = RunIndex(thousands)
    first = index.refresh()
    assert len(first) == 2005  # the damaged ones are listed too
    assert {info.status for info in first if info.name.startswith("damaged")} == {"dead"}
    opened: list[str] = []
    asked: list[str] = []
    stat = os.stat
    monkeypatch.setattr(os, "open", lambda path, *_, **__: opened.append(str(path)))
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(str(path)))
    monkeypatch.setattr(run_index.os, "stat", lambda path, **more: asked.append(str(path)) or stat(path, **more))
    for _ in range(2 * PARTS):
        asked.clear()
        assert index.refresh() is first
        assert len(asked) <= 4 * (2005 / PARTS + 1) + 50
    assert opened == []
    assert index.reads == 2005


def test_what_changes_among_thousands_is_read_alone(thousands):
    index = RunIndex(thousands)
    index.refresh()
    folder = RunDir(make_run(thousands / "new", over=False))
    folder.hold(OWNER)
    reads = index.reads
    runs = index.refresh()
    assert (runs[0].name, runs[0].status, index.reads - reads) == ("new", "running", 1)
    folder.release()
    shutil.rmtree(folder.path)
    assert "new" not in names(index)


def test_new_runs_appear_and_deleted_ones_vanish(few):
    index = RunIndex(few)
    assert "r0003" in names(index)
    shutil.rmtree(few / "r0003")
    make_run(few / "another")
    assert names(index) >= {"another", "r0004"}
    assert "r0003" not in names(index)
    (few / "r0004").rename(few / "moved")
    assert "moved" in names(index)
    assert "r0004" not in names(index)


def test_a_folder_that_takes_the_place_of_another_is_read(few):
    index = RunIndex(few)
    index.refresh()
    shutil.rmtree(few / "r0003")
    make_run(few / "r0003", preset="other")
    assert {info.preset for info in index.refresh() if info.name == "r0003"} == {"other"}


def test_groups_and_folders_that_become_runs_are_noticed(few):
    index = RunIndex(few)
    index.refresh()
    make_run(few / "foreign1" / "variant")
    make_run(few / "group" / "one")
    assert names(index) >= {"foreign1/variant", "group/one"}
    make_run(few / "group" / "two")
    assert "group/two" in names(index)
    age(few)
    index.refresh()
    (few / "empty2" / "run.toml").write_text("")
    assert "empty2" in names(index)
    shutil.rmtree(few / "group" / "one")
    assert "group/one" not in names(index)


def test_a_live_run_is_read_at_each_refresh_whatever_the_times_say(few):
    folder = RunDir(make_run(few / "live", over=False))
    folder.hold(OWNER)
    age(few)
    index = RunIndex(few)
    for epoch in (2, 3, 4):
        with open(folder.journal, "ab") as journal:
            journal.write(encode_event(ev.EpochEnded(step=30 * epoch, epoch=epoch, seconds=1.0, metrics={})))
        age(folder.path)
        assert (index.refresh()[0].name, index.refresh()[0].epoch) == ("live", epoch)
    folder.release()
    assert {info.status for info in index.refresh() if info.name == "live"} == {"dead"}


def test_a_run_that_is_resumed_is_live_within_a_few_refreshes(few):
    make_run(few / "cut", over=False)
    age(few)
    index = RunIndex(few)
    assert {info.status for info in index.refresh() if info.name == "cut"} == {"dead"}
    folder = RunDir(few / "cut")
    folder.hold(OWNER)
    os.utime(few, (LONG_AGO, LONG_AGO))
    statuses = [info.status for _ in range(PARTS) for info in index.refresh() if info.name == "cut"]
    assert statuses[-1] == "running"
    folder.release()


def test_a_change_within_one_tick_of_the_clock_is_not_missed(few, monkeypatch):
    index = RunIndex(few)
    now = LONG_AGO + 1000
    monkeypatch.setattr(run_index, "time", lambda: now)
    about = few / "r0001" / "about.json"
    text = about.read_text()
    os.utime(about, (now, now))
    index.refresh(everything=True)
    about.write_text(text.replace("wine", "iris"))
    os.utime(about, (now, now))
    assert {info.preset for info in index.refresh() if info.name == "r0001"} == {"iris"}


def test_a_run_whose_files_are_gone_is_no_run(few):
    index = RunIndex(few)
    index.refresh()
    for file in (few / "r0005").iterdir():
        file.unlink()
    assert "r0005" not in set.union(*[names(index) for _ in range(PARTS)][-1:])
    first = index.refresh()
    assert index.refresh() is first


def test_a_directory_that_is_missing_or_removed_has_no_runs(tmp_path, few):
    assert RunIndex(tmp_path / "none").refresh() == []
    index = RunIndex(few)
    index.refresh()
    shutil.rmtree(few)
    assert index.refresh() == []
