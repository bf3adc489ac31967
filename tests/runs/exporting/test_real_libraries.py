"""Files of `export` opened by the libraries that they are for, where these are installed."""

from __future__ import annotations

import io
import json
import math
from array import array

import pytest

from tests.runs.exporting.sample_runs import LOSSES, SPOKEN, STARTED, steered, write_run
from tui_trainer.runs.exporting.csv_table import write_csv, write_json_lines
from tui_trainer.runs.exporting.event_file import write_events
from tui_trainer.runs.exporting.parquet_file import write_parquet


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_scalars_times_texts_and_hyperparameters(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    hparams = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    run = write_run(tmp_path / "r", steered())
    run.settings = {"optimizer.lr": 0.1, "model.kind": "mlp"}
    with open(tmp_path / "events.out.tfevents.1790000000.x", "wb") as file:
        write_events(run, file)
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    tags = events.Tags()
    assert sorted(tags["scalars"]) == ["lr", "train_loss", "val_loss"]
    losses = events.Scalars("train_loss")
    assert [each.step for each in losses] == list(range(1, 41))
    single = array("f", LOSSES)
    assert [each.value for each in losses] == [math.inf if at == 6 else single[at] for at in range(40)]
    assert [each.wall_time for each in losses] == [STARTED + step / 4 for step in range(1, 41)]
    said = events.Tensors("interventions")
    assert [each.step for each in said] == [20, 20, 35]
    text = said[0].tensor_proto.string_val[0].decode()
    assert text.replace("\\", "").endswith(SPOKEN)
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    settings = hparams.HParamsPluginData.FromString(content).session_start_info.hparams
    assert settings["optimizer.lr"].number_value == 0.1
    assert settings["model.kind"].string_value == "mlp"


@pytest.mark.filterwarnings("ignore")
def test_pandas_reads_csv_and_json_lines(tmp_path):
    pandas = pytest.importorskip("pandas")
    run, other = write_run(tmp_path / "r", steered()), write_run(tmp_path / "s", steered()[:2])
    file = io.StringIO()
    write_csv([run], file)
    frame = pandas.read_csv(io.StringIO(file.getvalue()), float_precision="round_trip")
    assert [value for at, value in enumerate(frame.train_loss) if at != 6] == [*LOSSES[:6], *LOSSES[7:]]
    assert frame.train_loss[6] == math.inf
    file = io.StringIO()
    write_json_lines([run, other], file)
    frame = pandas.read_json(io.StringIO(file.getvalue()), lines=True)
    assert frame.groupby("run").step.max().to_dict() == {"r": 40, "s": 20}
    assert frame.intervention.dropna().str.contains("learning rate 0.05").sum() == 1


@pytest.mark.filterwarnings("ignore")
def test_pyarrow_reads_parquet_with_types_nulls_and_settings(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run, other = write_run(tmp_path / "r", steered()), write_run(tmp_path / "s", steered()[:2])
    run.settings = {"optimizer.lr": 0.1}
    file = io.BytesIO()
    assert write_parquet([run, other], file) == 60
    read = parquet.read_table(io.BytesIO(file.getvalue()))
    types = {field.name: str(field.type) for field in read.schema}
    assert types == {
        "step": "int64",
        "epoch": "double",
        "seconds": "double",
        "train_loss": "double",
        "val_loss": "double",
        "lr": "double",
        "intervention": "string",
        "run": "string",
    }
    rows = read.to_pylist()
    assert [row["train_loss"] for row in rows[:40]] == [math.inf if at == 6 else LOSSES[at] for at in range(40)]
    assert [row["step"] for row in rows if row["val_loss"] is not None] == [20, 35, 40]
    assert SPOKEN in rows[19]["intervention"]
    assert json.loads(read.schema.metadata[b"tui_trainer"])["r"]["settings"] == {"optimizer.lr": 0.1}
