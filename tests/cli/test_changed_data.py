"""Data that changed since a run was recorded: resume refuses them, and a replay is never called identical."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tui_trainer.runs.history import read_history
from tui_trainer.runs.journal import read_events

TABLE = """
[data]
kind = "csv"
path = "table.csv"
batch_size = 20
[model]
kind = "mlp"
hidden = [4]
[optimizer]
kind = "sgd"
lr = 0.1
[scheduler]
kind = "cosine"
[training]
epochs = 2
device = "cpu"
threads = 1
[early_stopping]
enabled = false
"""


def rows(count: int, shift: float = 0.0) -> str:
    lines = [f"{(index * 7) % 13 + shift},{(index * 5) % 11},{'ab'[index % 2]}" for index in range(count)]
    return "\n".join(["x,y,label", *lines]) + "\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, forks):
    from tests.cli.conftest import Shell

    shell = Shell(tmp_path_factory.mktemp("trained"), forks)
    (shell.directory / "table.toml").write_text(TABLE)
    (shell.directory / "table.csv").write_text(rows(100))
    done = shell("run", "table.toml", "--name", "run", "--headless")
    assert done.code == 0, done.err
    return shell.directory


@pytest.fixture
def case(trained: Path, tmp_path: Path, shell):
    """A copy of a run on a CSV file; its run.toml names the copy of the file."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "runs/run/run.toml"
    config.write_text(config.read_text().replace(str(trained), str(tmp_path)))
    return shell


def edit(directory: Path, old: str, new: str) -> None:
    path = directory / "runs/run/run.toml"
    text = path.read_text()
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new))


def test_the_data_are_recorded_beside_the_configuration(case):
    about = json.loads((case.directory / "runs/run/about.json").read_text())
    data = about["data"]
    assert (data["count"], data["unit"], data["size"]) == (100, "rows", len(rows(100)))
    assert data["name"].endswith("table.csv")
    assert len(data["hash"]) == 32


def test_a_file_in_another_place_is_the_same_data(case):
    assert case("resume", "run", "--epochs", "3", "--headless").code == 0


@pytest.mark.parametrize(
    ("key", "old", "new", "then", "now"),
    [
        ("data.batch_size", "batch_size = 20", "batch_size = 10", "20", "10"),
        ("data.sampling", 'sampling = "shuffle"', 'sampling = "replacement"', "shuffle", "replacement"),
        ("data.validation", "validation = 0.2", "validation = 0.3", "0.2", "0.3"),
        ("data.test", "test = 0.0", "test = 0.1", "0.0", "0.1"),
        ("training.seed", "seed = 0", "seed = 1", "0", "1"),
    ],
)
def test_settings_that_decide_about_the_batches_are_refused(case, key, old, new, then, now):
    edit(case.directory, old, new)
    journal = case.directory / "runs/run/events.jsonl"
    before = journal.read_bytes()
    done = case("resume", "run", "--epochs", "4", "--headless")
    assert done.code == 2
    assert f"run.toml has changed: {key} was {then}, is {now}." in done.err
    assert "train a new run with `tui-trainer run " in done.err
    assert len(done.err.splitlines()) == 1
    assert journal.read_bytes() == before
    edit(case.directory, new, old)
    assert case("resume", "run", "--epochs", "4", "--headless").code == 0


def test_without_its_journal_a_run_still_refuses_another_number_of_steps(case):
    edit(case.directory, "batch_size = 20", "batch_size = 10")
    (case.directory / "runs/run/events.jsonl").write_bytes(b"")
    done = case("resume", "run", "--epochs", "4", "--headless")
    assert done.code == 2
    assert "an epoch has 8 steps now, and had 4" in done.err


def test_data_that_changed_are_refused_unless_told(case):
    (case.directory / "table.csv").write_text(rows(100, shift=0.5))
    done = case("resume", "run", "--epochs", "4", "--headless")
    assert done.code == 2
    assert "changed since: 100 rows then and now, other contents" in done.err
    assert "--data-changed" in done.err
    done = case("resume", "run", "--epochs", "4", "--headless", "--data-changed")
    assert done.code == 0, done.err
    assert "changed since: 100 rows then and now" in done.out
    # The data of the last start count from here on.
    assert case("resume", "run", "--epochs", "5", "--headless").code == 0


def test_data_that_grew_are_named_with_their_rows(case):
    (case.directory / "table.csv").write_text(rows(103))
    done = case("resume", "run", "--epochs", "4", "--headless")
    assert done.code == 2
    assert "100 rows then, 103 rows now" in done.err


def test_data_of_more_steps_are_refused_however_it_is_told(case):
    (case.directory / "table.csv").write_text(rows(200))
    done = case("resume", "run", "--epochs", "4", "--headless", "--data-changed")
    assert done.code == 2
    assert "100 rows then, 200 rows now; an epoch has 8 steps now, and had 4" in done.err


def test_a_replay_with_other_data_is_never_identical(case):
    done = case("replay", "run", "--headless")
    assert (done.code, done.out.splitlines()[-1]) == (0, "identical over 8 steps")
    (case.directory / "table.csv").write_text(rows(100) + "\n")  # an empty line: other bytes, the same numbers
    done = case("replay", "run", "--headless")
    assert done.code == 1
    *_, verdict, change = done.out.splitlines()
    assert verdict == "not a replay of the same data, though every number is the same over 8 steps"
    assert change.startswith("the data ")
    assert "this replay cannot be identical" in done.out  # said before it was trained


def test_a_run_without_recorded_data_resumes_as_before(case):
    path = case.directory / "runs/run/about.json"
    about = json.loads(path.read_text())
    del about["data"]
    path.write_text(json.dumps(about))
    (case.directory / "table.csv").write_text(rows(100, shift=0.5))
    assert case("resume", "run", "--epochs", "4", "--headless").code == 0
    assert json.loads(path.read_text())["resumed"][-1]["data"]["count"] == 100


@pytest.mark.parametrize("change", ["function", "none"])
def test_the_data_of_a_function_are_compared(shell, change):
    code = "import numpy as np\ndef load():\n    r = np.random.default_rng({})\n    x = r.normal(size=(60, 3))\n"
    code += "    return x, (x[:, 0] > 0).astype(int)\n"
    (shell.directory / "mine.py").write_text(code.format(0))
    arguments = ["data.kind=import", "data.path=mine:load", "--trust", "--headless"]
    assert shell("run", "tiny.toml", "--name", "run", *arguments).code == 0
    if change == "function":
        (shell.directory / "mine.py").write_text(code.format(1))
    done = shell("resume", "run", "--epochs", "5", "--headless", "--trust")
    assert done.code == (2 if change == "function" else 0), done.err
    assert ("the data 'mine:load' changed since: 60 samples then and now" in done.err) == (change == "function")


def test_the_test_split_is_measured_once_at_the_end(shell):
    done = shell("run", "tiny.toml", "--name", "run", "data.test=0.2", "--headless")
    assert done.code == 0, done.err
    assert sum("test split, measured at the end: test_loss " in line for line in done.out.splitlines()) == 1
    (run,) = shell.json("runs")
    assert {"test_loss", "test_accuracy"} <= set(run["metrics"])
    table = shell("export", "run", "--to", "csv", "-o", "-").out.splitlines()
    column = table[0].split(",").index("test_loss")
    assert [bool(line.split(",")[column]) for line in table[1:]].count(True) == 1
    assert float(table[-1].split(",")[column]) == run["metrics"]["test_loss"]
    done = shell("replay", "run", "--headless")
    assert done.out.splitlines()[-1].startswith("identical over ")


def test_a_run_that_goes_on_is_tested_at_its_new_end(shell):
    assert shell("run", "tiny.toml", "--name", "run", "data.test=0.2", "--headless").code == 0
    assert shell("resume", "run", "--epochs", "6", "--headless").code == 0
    path = shell.directory / "runs/run/events.jsonl"
    measured = [event.step for event in read_events(path) if event.type == "Scalars" and "test_loss" in event.values]
    assert len(measured) == 2  # the journal keeps both, the history the one of the end
    history = read_history(path)
    assert [step for step, row in history.rows.items() if "test_loss" in row] == [measured[-1]]
    assert shell("replay", "run", "--headless").out.splitlines()[-1].startswith("identical over ")


def test_about_json_stays_readable_however_often_a_run_is_resumed(case):
    path = case.directory / "runs/run/about.json"
    about = json.loads(path.read_text())
    about["resumed"] = [{"step": step, "note": "x" * 2000} for step in range(450)]
    path.write_text(json.dumps(about))
    assert case("resume", "run", "--epochs", "3", "--headless").code == 0
    assert path.stat().st_size < 1 << 19
    assert json.loads(path.read_text())["resumed"][-1]["step"] == 8
