"""`--mirror`: the files of a run, of a resumed one, and of a script."""

from __future__ import annotations

import csv
import io
import sys

SCRIPT = """
import torch
from tui_trainer import Monitor

model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with Monitor("own", model=model, optimizer=optimizer, quiet=True, mirror={mirror!r}) as monitor:
    for step in monitor.steps(6):
        optimizer.zero_grad()
        model(torch.ones(1, 1)).sum().backward()
        optimizer.step()
        monitor.log(loss=float(step))
"""


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_has_its_mirrors_and_goes_on_with_them(shell):
    done = shell("run", "tiny.toml", "--headless", "--name", "m", *("--mirror", "csv", "--mirror", "tensorboard"))
    assert done.code == 0, done.err
    folder = shell.directory / "runs" / "m"
    exported = shell("export", "m", "--to", "csv", "-o", "-").out
    expected = list(csv.DictReader(io.StringIO(exported)))
    mirrored = table(folder / "metrics.csv")
    assert [row["step"] for row in mirrored] == [row["step"] for row in expected]
    for name in ("epoch", "train_loss", "val_loss", "val_accuracy", "lr"):
        assert [row[name] for row in mirrored] == [row[name] for row in expected]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 1
    assert shell("resume", "m", "--epochs", "6", "--headless").code == 0
    mirrored = table(folder / "metrics.csv")
    assert [row["step"] for row in mirrored if row["train_loss"]] == [str(step) for step in range(1, 31)]
    assert [row["step"] for row in mirrored if row["intervention"]] == ["20"]
    assert len(list(folder.glob("events.out.tfevents.*"))) == 2


def test_another_kind_is_refused_with_those_that_there_are(shell):
    done = shell("run", "tiny.toml", "--headless", "--mirror", "excel")
    assert done.code == 2
    assert all(word in done.err for word in ("excel", "tensorboard", "csv", "jsonl"))
    assert shell.runs == []


def test_a_script_with_a_monitor_has_mirrors_alone_and_under_watch(shell):
    (shell.directory / "train.py").write_text(SCRIPT.format(mirror=["csv"]))
    done = shell("watch", "--headless", "--name", "w", "--mirror", "jsonl", "--", sys.executable, "train.py")
    assert done.code == 0, done.out
    folder = shell.directory / "runs" / "w"
    losses = [row["train_loss"] for row in table(folder / "metrics.csv")]
    assert [float(loss) for loss in losses] == [float(step) for step in range(len(losses))]
    assert len(losses) == 6
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 6
