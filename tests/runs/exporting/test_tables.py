"""Export of curves as tables and event files, read back by our own readers."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from array import array
from pathlib import Path

import pytest

from tests.runs.exporting.sample_runs import LOSSES, SPOKEN, STARTED, steered, write_run
from tests.runs.sample_journals import eventful
from tui_trainer.protocol import events as ev
from tui_trainer.readers.find_logs import log_at
from tui_trainer.readers.tensorboard.records import crc32c, cut_records
from tui_trainer.runs.exporting.csv_table import write_csv, write_json_lines
from tui_trainer.runs.exporting.curves import Bucket, StepCurve, buckets
from tui_trainer.runs.exporting.event_file import write_events
from tui_trainer.runs.exporting.exported_run import ExportedRun
from tui_trainer.runs.exporting.log_runs import read_log_runs
from tui_trainer.runs.history import read_history

LOGS = Path(__file__).parents[2] / "fixtures" / "logs"


def table(*runs: ExportedRun, interventions: bool = False) -> list[dict[str, str]]:
    file = io.StringIO()
    write_csv(runs, file, interventions=interventions)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def read_back(path: Path) -> ExportedRun:
    log = log_at(path)
    assert log is not None
    (run,) = read_log_runs(log, {})
    return run


def test_control_characters_in_names_are_made_visible(tmp_path):
    found = ev.Scalars(step=1, steps=[1], seconds=[0.5], values={"a\x1b]0;x\x07,\u202eb": [0.25]})
    run = write_run(tmp_path / "r", [found])
    file = io.StringIO()
    assert write_csv([run], file) == 1
    assert file.getvalue() == 'step,epoch,seconds,"a␛]0;x␇,<U+202E>b"\n1,1,0.5,0.25\n'


@pytest.mark.parametrize("seed", range(4))
def test_the_table_holds_what_the_history_keeps_of_a_run_with_an_undo(tmp_path, seed):
    run = write_run(tmp_path / "r", list(eventful(seed, 1500)))
    history = read_history(tmp_path / "r" / "events.jsonl")
    rows = table(run)
    assert [int(row["step"]) for row in rows] == sorted(history.rows)
    for row in rows:
        measured = {name: repr(value) for name, value in history.rows[int(row["step"])].items()}
        assert {name: cell for name, cell in list(row.items())[3:] if cell} == measured


def test_a_table_of_several_runs_ends_with_their_names_and_says_what_was_done(tmp_path):
    one = write_run(tmp_path / "one", steered())
    other = write_run(tmp_path / "other", steered()[:2])
    other.curves["own"] = StepCurve(array("q", [3]), array("d", [0.5]))
    rows = table(one, other)
    assert list(rows[0]) == ["step", "epoch", "seconds", "train_loss", "val_loss", "lr", "own", "intervention", "run"]
    assert [row["run"] for row in rows] == ["one"] * 40 + ["other"] * 20
    assert [row["own"] for row in rows if row["own"]] == ["0.5"]
    assert rows[6]["train_loss"] == "inf"
    said = {row["step"]: row["intervention"] for row in rows[:40] if row["intervention"]}
    assert list(said) == ["20", "35"]
    assert said["20"] == (f"learning rate 0.05, was 0.1 (ann@lab); because: {SPOKEN} | note: half (ann@lab)")
    assert "intervention" not in table(one)[0]
    assert table(one, interventions=True)[19]["intervention"] == said["20"]


def test_json_lines_have_a_key_for_each_measurement(tmp_path):
    run = write_run(tmp_path / "r", steered())
    file = io.StringIO()
    assert write_json_lines([run], file) == 40
    rows = [json.loads(line) for line in file.getvalue().splitlines()]
    assert rows[0] == {"step": 1, "epoch": 1, "seconds": 0.25, "train_loss": LOSSES[0], "lr": 0.1}
    assert rows[6]["train_loss"] is None
    assert rows[34]["val_loss"] == 0.5
    assert rows[39]["val_loss"] == LOSSES[39] + 0.125


def test_an_event_file_reads_back_with_steps_times_and_settings(tmp_path):
    run = write_run(tmp_path / "r", steered())
    run.settings = {"optimizer.lr": 0.1, "model.kind": "mlp", "early_stopping.enabled": False, "a": "x" * 200}
    path = tmp_path / "events.out.tfevents.1.x"
    with open(path, "wb") as file:
        assert write_events(run, file) == 40
    back = read_back(path)
    assert list(back.curves["train_loss"].steps) == list(range(1, 41))
    single = array("f", LOSSES)
    expected = [math.inf if step == 7 else single[step - 1] for step in range(1, 41)]
    assert list(back.curves["train_loss"].values) == expected
    assert list(back.curves["val_loss"].steps) == [20, 35, 40]
    assert back.started_at == STARTED + 0.25
    assert back.seconds.at(40) == 9.75
    assert back.settings == run.settings
    piece = path.read_bytes()
    assert cut_records(piece, crc32c).broken == []
    altered = bytearray(piece)
    altered[-6] ^= 1
    assert len(cut_records(bytes(altered), crc32c).broken) == 1


@pytest.mark.parametrize("name", ["csv", "json-lines", "tensorboard", "trainer-state"])
def test_every_log_of_another_program_is_exported_with_its_exact_values(name, tmp_path):
    paths = [path for path in sorted((LOGS / name).rglob("*")) if path.is_file() and log_at(path) is not None]
    assert paths
    for path in paths:
        log = log_at(path)
        assert log is not None
        for run in read_log_runs(log, {}):
            (tmp_path / "out.csv").unlink(missing_ok=True)
            with open(tmp_path / "out.csv", "w") as file:
                write_csv([run], file)
            back = read_back(tmp_path / "out.csv")
            for curve_name, curve in run.curves.items():
                values = back.curves[curve_name]
                assert list(values.steps) == list(curve.steps)
                assert repr(list(values.values)) == repr(list(curve.values))


def test_buckets_hold_minimum_median_maximum_and_number_of_steps():
    source = random.Random(3)
    values = [source.gauss(0, 1) for _ in range(1000)]
    values[500] = math.nan
    curve = StepCurve(array("q", range(1, 1001)), array("d", values))
    found = buckets(curve, 1, 1000, 10)
    assert [bucket.count for bucket in found] == [100] * 5 + [99] + [100] * 4
    for bucket in found:
        part = sorted(value for value in values[bucket.first - 1 : bucket.last] if value == value)
        assert (bucket.low, bucket.high) == (part[0], part[-1])
        middle = (part[(len(part) - 1) // 2] + part[len(part) // 2]) / 2
        assert bucket.middle == middle
    few = buckets(curve, 499, 503, 10)
    assert few[0] == Bucket(499, 499, values[498], values[498], values[498], 1)
    assert [bucket.first for bucket in few] == [499, 500, 502, 503]
