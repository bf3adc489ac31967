"""Databases of MLflow and Trackio, written by them (see write_fixtures), and such that change while they are read."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tui_trainer.readers.databases import opening
from tui_trainer.readers.databases.run_database import read_database
from tui_trainer.readers.find_logs import log_at
from tui_trainer.readers.reading import Position, Unreadable
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState

SAMPLES = Path(__file__).parents[1] / "fixtures" / "logs" / "database"
OLD = 1_600_000_000


def states(path: Path) -> dict[str, RunState]:
    log = log_at(path)
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    return {state.run: state for state in session.states}


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_runs_of_a_database_have_their_curves_and_settings(kind: str) -> None:
    found = states(SAMPLES / f"{kind}.db")
    assert set(found) == {f"{kind}/small", f"{kind}/large"}
    for name, factor in (("small", 1.0), ("large", 0.5)):
        state = found[f"{kind}/{name}"]
        series = state.series["train_loss"]
        expected = [(s, 2 * math.exp(-s / 20) * factor) for s in range(1, 41) if s != 17]
        assert list(zip(series.steps, series.values, strict=True)) == expected
        assert series.gaps == [(17, "nan")]
        assert list(state.series["val_loss"].steps) == [10, 20, 30, 40]
        assert state.started is not None
        assert state.started.config == {"lr": 0.01, "optimizer": "adam", "factor": factor}


def table(path: Path) -> sqlite3.Connection:
    """A database like Trackio's, its changes in a log beside it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(
        "CREATE TABLE metrics (id INTEGER PRIMARY KEY, timestamp TEXT, run_name TEXT, step INT, metrics TEXT)"
    )
    connection.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, run_name TEXT, config TEXT)")
    return connection


def log_step(connection: sqlite3.Connection, step: int, run: str = "a") -> None:
    text = f'{{"loss": {step}, "high": "Infinity"}}'
    wall = f"2026-01-01T00:00:{step:02}+00:00"
    connection.execute("INSERT INTO metrics VALUES (NULL, ?, ?, ?, ?)", (wall, run, step, text))


def test_a_live_database_is_followed_and_its_folder_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(table(path)) as writer:
        log_step(writer, 1)
        files = {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir() if each.suffix != ".db-shm"}
        first = read_database(path, Position(), {})
        assert list(first.runs["a"].columns["loss"].values) == [1.0]
        assert list(first.runs["a"].columns["high"].values) == [math.inf]
        assert {each.name: each.stat().st_mtime_ns for each in tmp_path.iterdir() if each.name in files} == files
        log_step(writer, 2)
        second = read_database(path, first.position, {})
        assert list(second.runs["a"].columns["loss"].steps) == [2]
        log_step(writer, 3, "b")
        third = read_database(path, second.position, {})
        assert list(third.runs) == ["b"]
        writer.execute("PRAGMA locking_mode = EXCLUSIVE")
        log_step(writer, 4)


def test_a_database_whose_writer_died_is_read_from_a_copy(tmp_path: Path) -> None:
    (tmp_path / "dead").mkdir()
    with closing(table(tmp_path / "live.db")) as writer:
        log_step(writer, 1)
        for end in ("", "-wal"):
            shutil.copyfile(tmp_path / f"live.db{end}", tmp_path / "dead" / f"x.db{end}")
    names = sorted(os.listdir(tmp_path / "dead"))
    reading = read_database(tmp_path / "dead" / "x.db", Position(), {})
    assert list(reading.runs["a"].columns["loss"].values) == [1.0]
    assert sorted(os.listdir(tmp_path / "dead")) == names == ["x.db", "x.db-wal"]


def test_a_database_that_is_held_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "held.db"
    shutil.copyfile(SAMPLES / "trackio.db", path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute("BEGIN EXCLUSIVE")
        held = read_database(path, Position(), {})
        assert (held.runs, held.at_end, held.position.memory) == ({}, True, None)
        writer.execute("COMMIT")
    assert set(read_database(path, held.position, {}).runs) == {"small", "large"}


def test_another_database_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE metrics (id INTEGER PRIMARY KEY, value REAL)")
    with pytest.raises(Unreadable, match="tables with metrics and settings are missing"):
        read_database(path, Position(), {})


def test_a_view_in_place_of_a_table_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "view.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE configs (id INTEGER PRIMARY KEY, run_name TEXT, config TEXT)")
        connection.execute(
            "CREATE VIEW metrics AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS id, '' AS timestamp, 'a' AS run_name, i AS step, '{}' AS metrics FROM n"
        )
    with pytest.raises(Unreadable, match="no database of MLflow or Trackio"):
        read_database(path, Position(), {})


def test_a_question_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PATIENCE", 0.0)
    monkeypatch.setattr(opening, "OPERATIONS", 10)
    with pytest.raises(Unreadable, match="interrupted"):
        read_database(SAMPLES / "mlflow.db", Position(), {})


def test_the_newest_runs_of_a_large_database_are_read(tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    with closing(table(path)) as writer:
        for run in range(60):
            log_step(writer, 1, f"run {run}")
    reading = read_database(path, Position(), {})
    assert set(reading.runs) == {f"run {run}" for run in range(10, 60)}
    assert any("10 older runs left out" in note for note in reading.notes)
