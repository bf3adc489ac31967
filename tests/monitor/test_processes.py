"""A monitor among processes and over time: spawned workers, a notebook, a full disk, captured steps, many steps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.monitor.conftest import Script, send
from tui_trainer import Monitor
from tui_trainer.protocol import commands as cmd

ROOT = Path(__file__).parents[2]

SPAWNS = """
import sys
import torch
from tui_trainer import Monitor

def monitored(name):
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return model, optimizer, Monitor(name, model=model, optimizer=optimizer, runs_dir=sys.argv[1], quiet=True)

model, optimizer, monitor = monitored("outer")  # a module that is imported again by each spawned worker

class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        inner = Monitor("inner", runs_dir=sys.argv[1])
        inner.log(loss=1.0)
        assert list(inner.steps(2)) == [0, 1] and inner.run == "" == monitor.run
        return torch.ones(2)

if __name__ == "__main__":
    with monitor:
        loader = torch.utils.data.DataLoader(Data(), num_workers=1, multiprocessing_context="spawn")
        for inputs in monitor.batches(loader):
            loss = model(inputs).sum()
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            monitor.log(loss=loss)
"""

FILLS = """
import resource, signal, sys
from pathlib import Path
import torch
from tui_trainer import Monitor

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
inputs, taken = torch.ones(8, 4), 0
with Monitor("fills", model=model, optimizer=optimizer, runs_dir=sys.argv[1], save=sys.argv[2] or None) as monitor:
    for epoch in monitor.epochs(3):
        for _ in monitor.batches(range(200)):
            loss = model(inputs).square().mean()
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            monitor.log(loss=loss)
            taken += 1
        monitor.log_epoch(val_loss=loss)
        if epoch == 0:
            size = (Path(monitor.path) / "events.jsonl").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200, resource.RLIM_INFINITY))
print("steps:", taken, "kept:", size)
"""


def run(code: str, *arguments: str | Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "script.py"
    file.write_text(code)
    return subprocess.run(
        [sys.executable, str(file), *map(str, arguments)],
        capture_output=True, text=True, check=True, timeout=300, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def journal(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_spawned_worker_makes_no_run_and_the_script_keeps_its_own(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    run(SPAWNS, runs, tmp_path=tmp_path)
    (folder,) = runs.iterdir()
    assert "outer" in folder.name
    assert [event["step"] for event in journal(folder) if event["type"] == "RunFinished"] == [4]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files here")
@pytest.mark.parametrize("save", ["", "epoch"])
def test_a_disk_that_fills_is_said_once_and_ends_nothing(tmp_path: Path, save: str) -> None:
    runs = tmp_path / "runs"
    done = run(FILLS, runs, save, tmp_path=tmp_path)
    taken, size = re.fullmatch(r"steps: (\d+) kept: (\d+)\n", done.stdout).groups()  # type: ignore[union-attr]
    assert taken == "600"
    said = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert len(said) == 1
    assert said[0].startswith("tui-trainer: the training goes on, but ")
    (folder,) = runs.iterdir()
    kept = journal(folder)  # each line is whole
    assert kept[0]["seq"] == 1
    assert (folder / "events.jsonl").stat().st_size >= int(size)


def test_a_notebook_closes_its_run_and_begins_another(script: Script) -> None:
    first = script.monitor("cells")
    for _ in first.epochs(1):
        for inputs, targets in first.batches(script.loader):
            first.log(loss=script.step(inputs, targets))
    first.close()
    first.close()
    first.log(loss=1.0)  # a cell that is run once more
    assert list(first.steps(2)) == [0, 1]
    assert (first.run, first.step_count) == (first.run, 0)
    assert script.events("RunFinished")[0]["step"] == 5
    hooks = script.optimizer._optimizer_step_post_hooks
    assert not hooks
    second = script.monitor("cells")
    for _ in second.steps(3):
        script.step(script.inputs, script.targets)
    second.close()
    assert script.events("RunFinished")[0]["step"] == 3
    assert len(list(script.runs.iterdir())) == 2


class Captured(torch.optim.SGD):
    """An optimizer whose step is taken without its hooks, as in a captured graph or inside a compiled function."""

    @torch.no_grad()
    def replay(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.add_(parameter.grad, alpha=-group["lr"])


def test_a_captured_step_whose_hook_does_not_fire_is_said_and_can_be_counted(script: Script) -> None:
    captured = Captured(script.model.parameters(), lr=0.1)

    def train(monitor: object) -> None:
        script.model.zero_grad()
        torch.nn.functional.mse_loss(script.model(script.inputs), script.targets).backward()
        captured.replay()

    with script.monitor(optimizer=captured) as monitor:
        for _ in monitor.batches(range(210)):
            train(monitor)
            monitor.log(loss=1.0)
    lines = [line for event in script.events("Logged") for line in event["lines"]]
    (said,) = [line for line in lines if "no step was seen in 200 batches" in line]
    assert "the hook of the optimizer does not fire; call monitor.step() after each step" in said
    with script.monitor(optimizer=captured) as monitor:
        for batch in monitor.batches(range(10)):
            train(monitor)
            monitor.step(loss=1.0)
            if batch == 4:
                send(monitor, cmd.SetLearningRate(value=0.05))
    assert set(script.series("train_loss")) == set(range(1, 11))
    assert [event["step"] for event in script.events("SettingChanged")] == [5]
    assert captured.param_groups[0]["lr"] == 0.05


@pytest.mark.long
def test_the_memory_of_many_steps_is_flat() -> None:
    command = [sys.executable, "-m", "benchmarks.monitored_memory", "--steps", "240000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    megabytes = [json.loads(line)["mb"] for line in done.stdout.splitlines()]
    assert len(megabytes) == 20
    assert megabytes[-1] - megabytes[9] < 4.0  # of 120,000 steps, each of which logs three numbers


def test_of_processes_that_train_together_the_first_has_a_run_that_is_only_watched(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"MASTER_ADDR": "localhost", "WORLD_SIZE": "4", "RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    with Monitor("other", runs_dir=script.runs) as other:
        assert other.path == ""
        assert list(other.steps(2)) == [0, 1]
    monkeypatch.setenv("RANK", "0")
    with script.monitor() as monitor:
        for number, (inputs, targets) in enumerate(monitor.batches(script.loader)):
            monitor.log(train_loss=script.step(inputs, targets))
            if number == 1:
                send(monitor, cmd.Stop())
                send(monitor, cmd.SetLearningRate(value=0.5))
    refused = script.events("Refused")
    assert len(refused) == 2
    assert all(one["reason"].startswith("this is one of 4 processes that train together") for one in refused)
    assert script.optimizer.param_groups[0]["lr"] == 0.1
    assert script.events("RunFinished")[-1]["step"] == 5
