"""`tui-trainer runs ACTION`: rename, tag, note, hide, delete, keep the best, prune; and the list that shows it."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runs.many_runs import make_run
from tui_trainer.cli.commands.runs import listing, removing
from tui_trainer.cli.main import main
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.session import connect
from tui_trainer.session.connect import folders_of

OLD, NEW = "2026-11-28_190000_wine_d0be", "2026-11-28_191611_wine_af0c"
SET = "2026-11-28_180000_race_1111"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch) -> Path:
    """Return the runs directory of the shell: two runs of a preset, a set of two, and one that is damaged."""
    for hour, name in ((10, OLD), (12, NEW), (8, f"{SET}/sgd"), (9, f"{SET}/adam")):
        preset = "wine" if "wine" in name else "race"
        folder = make_run(tmp_path / name, preset=preset, started=f"2026-11-28T{hour:02}:00:00.000Z")
        epochs = [ev.EpochEnded(step=n, epoch=n, seconds=60.0 * n, metrics={"val_loss": hour / n}) for n in range(1, 5)]
        best = ev.Best(epoch=4, step=4, metric="val_loss", value=hour / 4)
        over = ev.RunFinished(step=4, epoch=4, seconds=240.0, reason="completed", metrics={"val_loss": 1.0}, best=best)
        (folder / "events.jsonl").write_bytes(b"".join(map(encode_event, (*epochs, over))))
        (folder / "checkpoints").mkdir()
        for checkpoint in ("last", "best"):
            (folder / "checkpoints" / f"{checkpoint}.safetensors").write_bytes(b"x" * 1000)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "events.jsonl").write_bytes(b"\xff\x00{{{\n")
    monkeypatch.setenv("TUI_TRAINER_RUNS", str(tmp_path))
    monkeypatch.setattr(connect, "_listening", list)  # hosts of other tests are not told of
    return tmp_path


@pytest.fixture
def shell(runs, capsys) -> Any:
    def call(*arguments: str, code: int = 0) -> Any:
        assert main(list(arguments)) == code
        return capsys.readouterr()

    return call


def listed(shell: Any, *words: str) -> list[str]:
    return [run["name"] for run in json.loads(shell("runs", *words, "--json").out)]


def test_what_is_kept_is_listed_found_and_filtered(shell):
    shell("runs", "rename", "d0be", "wide")
    shell("runs", "tag", "wide", "good", "draft")
    shell("runs", "tag", "wide", "-draft", "+hires")
    assert "note written" in shell("runs", "note", "wide", "the \x1b[31mfirst").err
    (run,) = json.loads(shell("runs", "tag=good", "--json").out)
    assert (run["name"], run["shown"], run["tags"]) == (OLD, "wide", ["good", "hires"])
    assert run["note"] == "the \x1b[31mfirst"
    text = shell("runs", "tag=GOOD").out
    assert "wide · " in text
    assert "good hires" in text
    assert "\x1b" not in text
    assert listed(shell, "first") == listed(shell, "name=wide") == listed(shell, f"name={OLD}") == [OLD]
    assert listed(shell, "tag!=good", "wine") == [NEW]
    assert listed(shell, "note~first") == [OLD]
    assert "did you mean 'tag'" in shell("runs", "tagg=good", code=2).err


def test_hidden_runs_are_left_out_until_they_are_asked_for(shell):
    shell("runs", "hide", "preset=wine", "damaged")
    assert listed(shell) == [f"{SET}/adam", f"{SET}/sgd"]
    assert listed(shell, "wine") == []
    assert "matches 'wine'; 2 in all, 3 hidden" in shell("runs", "wine").err
    assert listed(shell, "wine", "--all") == listed(shell, "wine", "hidden=true") == [NEW, OLD]
    assert "wine af0c · " in shell("runs", "--all").out
    assert "[hidden]" in shell("runs", "--all").out
    shell("runs", "show", "hidden=true")
    assert len(listed(shell)) == 5
    shell("runs", "hide", "status=finished", "damaged")
    assert "all 5 runs in" in shell("runs").err


def test_a_set_stands_together_under_its_name(shell):
    lines = shell("runs").out.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("race 1111 · "))
    assert re.match(r"race 1111 · .* \(2\)", lines[at])
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["adam", "sgd"]
    assert all(line.startswith("  ") for line in lines[at + 1 : at + 3])
    shell("runs", "rename", "race", "six")
    assert "six · " in shell("runs").out
    assert listed(shell, "group=six") == [f"{SET}/adam", f"{SET}/sgd"]


def test_the_list_has_age_duration_metric_curve_size_and_tags(shell, runs):
    shell("runs", "tag", "af0c", "good")
    header, *lines = shell("runs", "--all").out.splitlines()
    for name in ("run", "status", "age", "time", "metric", "curve", "size", "tags", "folder"):
        assert name in header
    row = next(line for line in lines if line.startswith("wine af0c · "))
    size = sum(file.stat().st_size for file in (runs / NEW).rglob("*") if file.is_file())
    for text in ("finished (completed)", "4 min", "val_loss 3 @4", "█", "▁", f"{size / 1000:.2g} kB", "good", NEW):
        assert text in row
    run = next(run for run in json.loads(shell("runs", "--json").out) if run["name"] == NEW)
    assert run["curve"] == {"metric": "val_loss", "values": [12.0, 6.0, 4.0, 3.0]}
    assert (run["duration"], run["size"], run["set"], run["hidden"]) == (240.0, size, "", False)
    assert run["label"].startswith("wine af0c · ")
    damaged = next(run for run in json.loads(shell("runs", "--json").out) if run["name"] == "damaged")
    assert (damaged["age"], damaged["curve"]) == (None, None)


@pytest.mark.parametrize("columns", [80, 140])
def test_the_list_fits_the_terminal(shell, monkeypatch, columns):
    shell("runs", "tag", "af0c", "good")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shell("runs").out
    rows = [line for line in text.splitlines() if line.startswith("wine af0c · ")]
    assert max(map(len, text.splitlines())) <= columns
    assert "finished" in rows[0]
    assert "val_loss 3 " in rows[0]
    assert "█" in rows[0]
    assert "kB" in rows[0]
    assert "good" in rows[0]
    assert ("4 min" in rows[0]) is (columns >= listing.WIDE)


def test_deleting_takes_the_name_or_yes(shell, runs, monkeypatch):
    assert "add --yes" in shell("runs", "delete", "af0c", code=2).err
    dry = shell("runs", "delete", "af0c", "--dry-run")
    assert re.search(r"would delete wine af0c · .*: .* kB \(\d+ bytes\); nothing was removed", dry.out)
    monkeypatch.setattr(removing, "on_terminal", lambda: True)
    for typed, code in (("no", 1), ("", 1), ("wine af0c", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
        assert (runs / NEW).is_dir()
        said = shell("runs", "delete", "af0c", code=code)
        assert "type wine af0c to delete wine af0c · " in said.err
        assert ("nothing was removed" in said.err) is (code == 1)
    assert not (runs / NEW).exists()
    assert shell("runs", "delete", "race", "--yes").err.endswith("bytes)\n")
    assert listed(shell) == [OLD, "damaged"]
    assert not (runs / SET).exists()


def test_a_live_run_is_never_deleted_pruned_or_hidden(shell, runs):
    host = RunDir(runs / NEW)
    host.hold(Owner(1, "here", ""))
    for action in ("delete", "keep-best"):
        assert f"run '{NEW}' is training; stop it first" in shell("runs", action, "wine", OLD, "--yes", code=2).err
    assert "hide it when it is over" in shell("runs", "hide", "wine", code=2).err
    said = shell("runs", "--prune", "preset=wine", "--yes")
    assert "wine af0c · " in said.err
    assert "is training and stays" in said.err
    assert listed(shell, "wine") == [NEW]
    host.release()


def test_pruning_says_what_goes_and_asks(shell, runs):
    before = sorted(path.name for path in runs.rglob("*"))
    size = sum(file.stat().st_size for file in (runs / SET).rglob("*") if file.is_file())
    dry = json.loads(shell("runs", "--prune", "preset=race", "--dry-run", "--json").out)
    assert ([run["name"] for run in dry["runs"]], dry["bytes"]) == ([f"{SET}/adam", f"{SET}/sgd"], size)
    assert f"2 runs: {size / 1000:.2g} kB ({size} bytes)" in shell("runs", "--prune", "preset=race", "--dry-run").out
    assert "add --yes" in shell("runs", "--prune", "preset=race", code=2).err
    assert "--prune needs a FILTER" in shell("runs", "--prune", code=2).err
    assert sorted(path.name for path in runs.rglob("*")) == before
    assert f"({size} bytes)" in shell("runs", "--prune", "preset=race", "--yes").err
    assert listed(shell) == [NEW, OLD, "damaged"]
    assert "nothing to prune" in shell("runs", "--prune", "preset=wine", "age<1s", "--yes").err


def test_keeping_the_best_tells_the_bytes_and_forbids_a_resume(shell, runs):
    assert "1 kB freed (1000 bytes)" in shell("runs", "keep-best", "wine").err
    assert [file.name for file in (runs / NEW / "checkpoints").iterdir()] == ["best.safetensors"]
    assert f"run '{NEW}' kept only its best checkpoint" in shell("resume", "wine", "--headless", code=2).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rename", "d0be"), "write `tui-trainer runs rename RUN NEW`"),
        (("rename", "d0be", "no good"), "name of a run 'no good': use 1 to 64 letters"),
        (("rename", "d0be", "damaged"), "name 'damaged': run 'damaged' has it already"),
        (("tag", "d0be"), "RUN TAG... (-TAG removes one)"),
        (("tag", "d0be", "a b"), "tag 'a b': use 1 to 32 letters"),
        (("note", "d0be"), 'RUN "TEXT"'),
        (("delete",), "runs delete needs a RUN"),
        (("tag", "wein", "good"), "no run 'wein'"),
        (("--yes",), "--yes belongs to --prune"),
        (("hide", "d0be", "--dry-run"), "--dry-run belongs to --prune"),
    ],
)
def test_an_error_says_what_to_write(shell, arguments, said):
    assert said in shell("runs", *arguments, code=2).err


COMMANDS = (
    ("compare", "RUN", "--json"),
    ("diagnose", "RUN", "--json"),
    ("export", "RUN", "--to", "csv", "-o", "-"),
    ("resume", "RUN", "--headless"),
    ("replay", "RUN", "--headless"),
    ("send", "RUN", "pause"),
    ("bridge", "RUN"),
    ("runs", "delete", "RUN", "--dry-run"),
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_preset_means_its_newest_run_in_every_command(runs, capsys, arguments):
    def call(run: str) -> tuple[int, str, str]:
        code = main([run if word == "RUN" else word for word in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    make_run(runs / "wine-old", preset="other", started="2026-11-01T00:00:00Z")
    newest = call(NEW)
    assert call("wine") == newest != call(OLD)
    make_run(runs / "wine", preset="other", started="2026-11-01T00:00:00Z")
    assert call("wine") != newest  # a run of exactly this name wins


def test_open_shows_the_newest_run_of_a_preset(runs):
    assert folders_of("wine", runs) == [runs / NEW]
    assert folders_of("race", runs) == [runs / SET / "sgd", runs / SET / "adam"]
    assert folders_of("race/adam", runs) == folders_of("1111/adam", runs) == [runs / SET / "adam"]


def test_the_runs_directory_can_be_said_before_a_command_too(shell, runs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TUI_TRAINER_RUNS", "elsewhere")
    assert json.loads(shell("runs", "--json").out) == []
    assert NEW in [run["name"] for run in json.loads(shell("--runs-dir", str(runs), "runs", "--json").out)]
