"""The command line and the run directory, as scripts rely on them."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
import zlib
from pathlib import Path

import pytest

from tests.ui.sets.made_runs import made_run
from tests.ui.sets.made_runs import settings as made_settings
from tui_trainer.cli.main import main
from tui_trainer.protocol import events as ev
from tui_trainer.runs import history


def test_a_run_in_a_pipe_prints_one_line_an_epoch_and_a_chart(finished):
    _, done = finished
    lines = done.out.splitlines()
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/4", "2/4", "3/4", "4/4"]
    assert all("val_accuracy" in line for line in epochs)
    assert any("⣀" in line or "⠒" in line or "●" in line for line in lines)
    assert "\x1b" not in done.out
    assert lines[-1].endswith("runs/done")


def test_the_run_folder_is_plain_files(finished):
    shell, _ = finished
    folder = shell.directory / "runs" / "done"
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        "run.toml",
        "about.json",
        "events.jsonl",
        "checkpoints",
        "host.log",
    }
    assert {path.name for path in (folder / "checkpoints").iterdir() if not path.name.startswith(".")} == {
        "last.safetensors",
        "best.safetensors",
    }
    assert tomllib.loads((folder / "run.toml").read_text())["scheduler"]["kind"] == "cosine"
    about = json.loads((folder / "about.json").read_text())
    assert about["versions"]["torch"]
    assert about["seed"] == 0
    assert about["command"][:2] == ["tui-trainer", "run"]
    for line in (folder / "events.jsonl").read_bytes().splitlines():
        event = json.loads(line)
        assert list(event)[:4] == ["seq", "at", "run", "type"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["at"])
        body, _, _ = line.rpartition(b',"crc"')
        assert event["crc"] == f"{zlib.crc32(body):08x}"


def test_the_json_of_runs_has_the_fields_that_programs_rely_on(finished):
    shell, _ = finished
    (run,) = shell.json("runs")
    assert set(run) == {
        *("name", "path", "status", "reason", "preset", "epoch", "step", "metrics", "best", "started", "duration"),
        *("age", "shown", "label", "set", "size", "curve", "tags", "note", "hidden"),
    }
    assert (run["name"], run["status"], run["reason"], run["preset"]) == ("done", "finished", "completed", "tiny")
    assert (run["epoch"], run["step"]) == (4, 20)
    assert set(run["best"]) == {"epoch", "metric", "value"}
    assert {"train_loss", "val_loss", "train_accuracy", "val_accuracy", "lr"} <= set(run["metrics"])


def test_presets_are_listed_and_printed_in_full(shell):
    presets = shell.json("presets")
    assert {"digits-mlp", "digits-cnn", "breast-cancer", "diabetes", "spirals", "wine", "char-lm", "mnist-cnn"} <= {
        preset["name"] for preset in presets
    }
    assert set(presets[0]) == {"name", "title", "summary", "group", "variants"}
    done = shell("presets", "digits-mlp")
    (shell.directory / "mine.toml").write_text(done.out)
    assert shell("run", "mine.toml", "training.epochs=1", "--name", "mine").code == 0


def test_the_csv_has_a_row_for_each_step_in_numbers_that_read_back_to_the_bit(finished):
    shell, _ = finished
    done = shell("export", "done", "--to", "csv", "-o", "-")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0])[:6] == ["step", "epoch", "seconds", "train_loss", "val_loss", "lr"]
    assert [row["step"] for row in rows] == [str(step) for step in range(1, 21)]
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in (1, 2, 3, 4) for _ in range(5)]
    assert [bool(row["val_accuracy"]) for row in rows] == [step % 5 == 0 for step in range(1, 21)]
    losses = {}
    for line in (shell.directory / "runs/done/events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "Scalars" and "train_loss" in event["values"]:
            losses |= dict(zip(event["steps"], event["values"]["train_loss"], strict=True))
    assert {int(row["step"]): float(row["train_loss"]) for row in rows} == losses
    assert all(repr(float(row["train_loss"])) == row["train_loss"] for row in rows)
    assert shell("export", "done", "--to", "csv").code == 0
    assert (shell.directory / "done.csv").read_text() == done.out


def test_the_saved_configuration_repeats_the_run(finished):
    shell, _ = finished
    assert shell("run", "runs/done/run.toml", "--name", "again").code == 0
    first, second = (shell("export", name, "--to", "csv", "-o", "-").out for name in ("done", "again"))
    drop = re.compile(r"^(\d+,\d+),[^,]*", re.MULTILINE)
    assert drop.sub(r"\1", first) == drop.sub(r"\1", second)
    done = shell("replay", "done")
    assert (done.code, done.out.splitlines()[-1]) == (0, "identical over 20 steps")
    compared = shell.json("compare", "done", "again")
    assert compared["differs"] == {}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "digts-mlp"], ["'digts-mlp'", "did you mean 'digits-mlp'"]),
        (["run", "none.toml"], ["'none.toml'"]),
        (["run", "bad.toml"], ["bad.toml", "line 2", "column"]),
        (["run", "tiny.toml", "optimizer.lrr=1"], ["optimizer.lrr", "did you mean 'lr'"]),
        (["run", "tiny.toml", "optimizer.lr=-1"], ["optimizer.lr", "-1", "greater than 0"]),
        (["run", "tiny.toml", "--device", "cuda:9"], ["cuda:9", "cpu"]),
        (["run", "tiny.toml", "--device", "gpu"], ["training.device", "'gpu'"]),
        (["run", "tiny.toml", "--runs-dir", "/proc/nothing"], ["/proc/nothing", "--runs-dir"]),
        (["run", "tiny.toml", "--name", "../x"], ["--name", "'../x'"]),
        (["run", "tiny.toml", "--name", "-x"], ["'-x'"]),
        (["run", "tiny.toml", "--headless", "--detach"], ["only one"]),
        (["run", "tiny.toml", "data.kind=text", "data.path=/nowhere"], ["/nowhere"]),
        (["run", "tiny.toml", "model.kind=cnn"], ["model"]),
        (["run", "tiny.toml", "scheduler.kind=import", "scheduler.path=own:saw"], ["'own:saw'", "--trust"]),
        (["atach"], ["'atach'", "did you mean 'attach'"]),
        (["run", "tiny.toml", "--hedless"], ["--hedless"]),
        (["attach"], ["terminal"]),
        (["send", "last", "pause"], ["no live run"]),
        (["send", "last", "set-lrr", "value=1"], ["'set-lrr'", "did you mean 'set-lr'"]),
        (["send", "last", "set-lr"], ["value=RATE"]),
        (["send", "last", "set-lr", "value=-1"], ["value", "-1"]),
        (["send", "last", "set-scheduler", "kind=cosin"], ["did you mean 'cosine'"]),
        (["open", "nothing"], ["'nothing'"]),
        (["export", "nothing", "--to", "csv"], ["nothing"]),
        (["resume", "nothing"], ["nothing"]),
        (["replay", "nothing"], ["nothing"]),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else None,
)
def test_bad_input_is_one_message_exit_code_2_and_leaves_no_run(shell, arguments, parts):
    (shell.directory / "bad.toml").write_text("a = 1\nb = = 2\n")
    done = shell(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("tui-trainer: ")
    assert done.err.count("\n") == 1
    assert [part for part in parts if part not in done.err] == [], done.err
    assert shell.runs == []


def test_the_script_and_the_module_are_the_same_program(shell):
    import subprocess
    import sys
    from pathlib import Path

    script = Path(sys.executable).with_name("tui-trainer")
    if not script.exists():
        pytest.skip("the package is not installed with this interpreter")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert done.stdout == shell("--version").out


def test_a_non_finite_loss_is_printed_and_is_exit_code_1(shell):
    done = shell("run", "tiny.toml", "data.kind=least-squares", "optimizer.lr=1e6", "training.epochs=50", "--name", "x")
    assert done.code == 1
    assert re.search(r"the loss became (NaN|infinite) at step \d+", done.out)
    (run,) = shell.json("runs")
    assert (run["status"], run["reason"]) == ("failed", "not-finite")


def test_a_signal_stops_after_the_batch_and_saves(shell):
    import signal

    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        name = number.name.lower()
        process = shell.start("run", "tiny.toml", "training.epochs=1000000", "--name", name)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch "):
                break
        process.send_signal(number)
        rest = process.stdout.read()
        process.stdout.close()
        assert process.wait(120) == code
        assert f"interrupted by {number.name}" in rest
        run = next(run for run in shell.json("runs") if run["name"] == name)
        assert (run["status"], run["reason"]) == ("finished", "interrupted")
        assert (shell.directory / "runs" / name / "checkpoints" / "last.safetensors").exists()
        done = shell("resume", name, "--epochs", str(run["epoch"] + 2))
        assert done.code == 0, done.err


def test_a_killed_run_is_dead_and_resumes(shell):
    import os
    import signal

    process = shell.start("run", "tiny.toml", "training.epochs=200", "--name", "k", "checkpoints.every_steps=50")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch  30/"):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.stdout.close()
    process.wait(120)
    (run,) = shell.json("runs")
    assert run["status"] == "dead"
    assert "dead: `resume` continues it" in shell("runs").out
    file = shell.directory / "runs" / "k" / "run.toml"
    configuration = file.read_text()
    file.write_text(f'kind = "script"\n{configuration}')  # as that of a script, which no `resume` starts
    assert "dead: start its script again" in shell("runs").out
    file.write_text(configuration)
    assert shell("resume", "k").code == 0
    assert shell("replay", "k").out.splitlines()[-1] == "identical over 1,000 steps"


def test_detach_prints_the_name_and_send_controls_the_run(shell):
    done = shell("run", "tiny.toml", "training.epochs=1000000", "--detach")
    assert done.code == 0
    name = done.out.strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d{6}_tiny_[0-9a-f]{4}", name)
    try:
        assert shell.json("runs")[0]["status"] == "running"
        answer = shell.json("send", name, "set-lr", "value=0.01")
        assert (answer["type"], answer["value"]) == ("SettingChanged", 0.01)
        assert shell("send", "last", "pause").code == 0
        assert shell.json("runs")[0]["status"] == "paused"
        refused = shell("send", "last", "pause")
        assert (refused.code, refused.err) == (1, "refused: already paused\n")
        assert shell("resume", name).code == 2
    finally:
        assert shell("send", "last", "stop").code == 0
    assert (shell.directory / "runs" / name / "host.log").exists()


def test_a_batch_system_can_submit_the_same_command_line_twice(shell):
    line = [
        "run",
        "tiny.toml",
        "--name",
        "job",
        "--resume-if-exists",
        "--requeue-signal",
        "USR1",
        "--requeue-code",
        "9",
    ]
    assert shell(*line).code == 0
    done = shell(*line)
    assert done.code == 0
    assert "is complete" in done.err


@pytest.mark.parametrize("name", ["", "..", ".", "../elsewhere/run"])
def test_a_resumed_name_cannot_leave_the_runs_directory(shell, name):
    """An empty name (an unset variable in a script) would mean every run in the directory."""
    (shell.directory / "runs/one").mkdir(parents=True)
    (shell.directory / "runs/one/run.toml").write_text((shell.directory / "tiny.toml").read_text())
    done = shell("run", "tiny.toml", "--name", name, "--resume-if-exists")
    assert done.code == 2
    assert done.err.startswith(f"tui-trainer: --name {name!r}: use 1 to 64 letters")


def test_a_run_with_an_empty_configuration_is_not_resumed_with_defaults(shell):
    (shell.directory / "runs/one").mkdir(parents=True)
    (shell.directory / "runs/one/run.toml").write_text("")
    done = shell("resume", "one")
    assert done.code == 2
    assert done.err.endswith("run.toml: the file is empty, so the configuration of this run is lost\n")


def test_doctor_checks_every_part(shell):
    results = shell.json("doctor")
    assert {"torch", "terminal", "runs directory", "sockets", "presets", "cpu"} <= {
        result["what"] for result in results
    }
    assert shell.runs == []


def test_a_run_on_a_relative_data_file_resumes_from_another_directory(shell):
    rows = "".join(f"{index},{index % 7},{index % 2}\n" for index in range(120))
    (shell.directory / "table.csv").write_text(f"a,b,c\n{rows}")
    data = ('data.kind="csv"', 'data.path="table.csv"')
    assert shell("run", "tiny.toml", "--name", "csv", "--headless", *data).code == 0
    (shell.directory / "below").mkdir()
    shell.directory /= "below"
    done = shell("resume", "csv", "--epochs", "6", "--headless", "--runs-dir", "../runs")
    assert done.code == 0, done.err


def test_an_unreadable_journal_is_one_line(shell, monkeypatch, capsys):
    assert shell("run", "tiny.toml", "--name", "odd", "--headless").code == 0

    def refuse(journal: Path) -> list[ev.AnyEvent]:
        raise PermissionError(13, "Permission denied", str(journal))

    monkeypatch.setattr(history, "read_events", refuse)  # not read_history: what is imported meanwhile would keep it
    assert main(["replay", "odd", "--runs-dir", str(shell.directory / "runs")]) == 2
    message = capsys.readouterr().err
    assert message.endswith("odd/events.jsonl: cannot be read: Permission denied\n")
    assert len(message.splitlines()) == 1


def test_runs_are_compared_as_text_and_as_json(shell):
    code = {"commit": "1234567890", "branch": "trunk", "changed": ["net.py"], "changed_count": 1}
    made_run(shell.directory / "runs" / "plain", [0.5, 0.9], about={"code": code})
    made_run(shell.directory / "runs" / "steep", [0.6, 0.8], made_settings(0.2, loss={"kind": "mse"}))
    done = shell("compare", "plain", "steep")
    assert done.code == 0
    for line in (
        "note: losses are not comparable: other loss functions (plain: cross-entropy; steep: mse)",
        "optimizer.lr  0.1            0.2",
        "plain  12345678 on trunk, 1 file changed: net.py",
    ):
        assert line in done.out
    assert "title" not in done.out
    compared = shell.json("compare", "plain", "steep")
    assert [run["code"] for run in compared["runs"]] == [code, None]
    assert compared["differs"] == {"loss.kind": ["cross-entropy", "mse"], "optimizer.lr": [0.1, 0.2]}
    assert len(compared["not_comparable"]) == 1
    assert {"name", "interventions", "metrics", "best"} <= compared["runs"][0].keys()
