"""Finding runs by name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runs.many_runs import make_run
from tui_trainer.cli.main import main
from tui_trainer.errors import UserError
from tui_trainer.runs import run_list
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.runs.run_list import write_run_list
from tui_trainer.session.connect import find_live, find_steered, folders_of, is_within
from tui_trainer.session.finished_run import JournalSession


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A group of two runs, whose names are not in the order of their start, and a single run."""
    for second, name in enumerate(("race/slow", "race/fast", "alone")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "events.jsonl").touch()
        (folder / "about.json").write_text(json.dumps({"started": f"2026-11-23T14:03:1{second}.000Z"}))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "opened"),
    [("race", ["slow", "fast"]), ("race/fast", ["fast"]), ("alone", ["alone"]), ("last", ["alone"])],
)
def test_a_group_is_opened_in_the_order_of_its_runs(runs: Path, name: str, opened: list[str]) -> None:
    for given in {name, str(runs / name)} if name != "last" else {name}:
        sessions = [JournalSession(folder) for folder in folders_of(given, runs)]
        names = [session.drain()[0].states[0].run for session in sessions]  # pyright: ignore[reportAttributeAccessIssue]
        assert names == opened


def test_a_path_that_is_not_a_run_is_refused(runs: Path) -> None:
    (runs / "notes.txt").touch()
    with pytest.raises(UserError, match="is not a run folder"):
        folders_of(str(runs / "notes.txt"), runs)
    with pytest.raises(UserError, match="did you mean 'alone'"):
        folders_of("alnoe", runs)


def test_a_name_means_the_same_beside_a_file_of_that_name(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runs / "beside").mkdir()
    (runs / "beside" / "alone").touch()
    monkeypatch.chdir(runs / "beside")
    assert folders_of("alone", runs) == [runs / "alone"]


@pytest.fixture
def live_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs directory without a live run, and beside it one with two: a run and a group of two."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUI_TRAINER_RUNS", raising=False)
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    monkeypatch.setattr(run_list, "socket_dirs", lambda: [sockets])
    held = []
    for number, names in enumerate((("single",), ("race/slow", "race/fast"))):
        socket = sockets / f"{number}.sock"
        paths = [tmp_path / "other" / "runs" / name for name in names]
        for name, path in zip(names, paths, strict=True):
            make_run(path, preset="digits", started=f"2026-11-23T14:03:1{number}.000Z", over=False)
            (path / "about.json").write_text(
                json.dumps({"name": name, "preset": "digits", "started": f"2026-11-23T14:03:1{number}.000Z"})
            )
            folder = RunDir(path)
            folder.hold(Owner(os.getpid(), "here", str(socket)))
            held.append(folder)
        write_run_list(
            socket,
            [{"name": name, "path": str(path), "preset": "digits"} for name, path in zip(names, paths, strict=True)],
            os.getpid(),
            starting=False,
        )
    make_run(tmp_path / "runs" / "over")
    yield tmp_path
    for folder in held:
        folder.release()


@pytest.mark.parametrize("name", ["last", "digits", "single", "sing"])
def test_a_command_never_leaves_the_runs_directory(live_elsewhere: Path, name: str) -> None:
    with pytest.raises(UserError) as refused:
        find_steered(name, None)
    message = str(refused.value)
    assert message.startswith("no live run")
    count = 1 if name.startswith("s") else 2
    assert f"; {count} live elsewhere: " in message
    assert "other/runs/single" in message
    assert message.endswith("name it to steer it")
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "steered"), [("single", ["single"]), ("race", ["race/fast", "race/slow"]), ("race/fast", ["race/fast"])]
)
def test_a_run_elsewhere_is_steered_by_its_path(live_elsewhere: Path, name: str, steered: list[str]) -> None:
    assert sorted(info.name for info in find_steered(f"other/runs/{name}", None)) == steered
    assert sorted(info.name for info in find_steered(name, "other/runs")) == steered


def test_a_run_that_is_over_is_not_steered(live_elsewhere: Path) -> None:
    with pytest.raises(UserError, match="'over' is finished, not live"):
        find_steered("over", None)
    with pytest.raises(UserError, match="'over' is finished, not live"):
        find_steered("runs/over", None)
    with pytest.raises(UserError, match=r"^no live run in runs; 2 live elsewhere"):
        find_steered("last", None)


def test_looking_may_fall_back_and_knows_that_it_did(live_elsewhere: Path) -> None:
    info = find_live("", None)
    assert info.name in ("race/slow", "race/fast")
    assert not is_within(info, None)
    assert is_within(info, "other/runs")
    with pytest.raises(UserError, match="no live run"):
        find_live("", "runs")


def test_attach_says_that_it_shows_a_run_of_another_directory(
    live_elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tui_trainer.cli.open_screen.check_terminal", lambda *_: None)
    monkeypatch.setattr("tui_trainer.cli.open_screen.show", lambda *_, **__: 0)
    assert main(["attach"]) == 0
    assert "no live run in runs; showing " in capsys.readouterr().err
    assert main(["attach", "other/runs/single"]) == 0
    assert main(["attach", "--runs-dir", "other/runs"]) == 0
    assert capsys.readouterr().err == ""


def test_send_last_refuses_and_names_what_is_live_elsewhere(
    live_elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["send", "last", "stop"]) == 2
    error = capsys.readouterr().err
    assert "no live run in runs; 2 live elsewhere: " in error
    assert "name it to steer it" in error
