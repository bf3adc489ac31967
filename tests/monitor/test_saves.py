"""Saves, undo and roll back in the running process, and going on in a new one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.monitor.conftest import Script, send
from tui_trainer.cli.main import main
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd

ROOT = Path(__file__).parents[2]

EXACT = """
import os, sys, torch
from torch import nn
from tui_trainer import Monitor
torch.manual_seed(5)
inputs = torch.randn(64, 4)
samples = torch.utils.data.TensorDataset(inputs, inputs.sum(1, keepdim=True))
loader = torch.utils.data.DataLoader(samples, 8, shuffle=True)
model = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
average = torch.optim.swa_utils.AveragedModel(model)
die = int(sys.argv[2])
with Monitor("exact", model=model, optimizer=optimizer, scheduler=schedule, config={"width": 16}, save="epoch",
             resume="auto", runs_dir=sys.argv[1], quiet=True) as monitor:
    monitor.keep(average=average)
    for epoch in monitor.epochs(6):
        for batch, targets in monitor.batches(loader):
            loss = nn.functional.mse_loss(model(batch), targets)
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            average.update_parameters(model)
            monitor.log(loss=loss)
            if monitor.step_count == die:
                os.kill(os.getpid(), 9)
        monitor.log_epoch(val_loss=float(loss))
        schedule.step()
print(monitor.path)
print(sum(parameter.double().sum().item() for parameter in [*model.parameters(), *average.parameters()]).hex())
"""

STATEFUL = """
import os, sys, torch
from torch import nn
from tui_trainer import Monitor
class Stream:
    def __init__(self): self.at = 0
    def __iter__(self):
        while self.at < 40:
            self.at += 1
            yield torch.full((2, 4), float(self.at))
    def state_dict(self): return {"at": self.at}
    def load_state_dict(self, state): self.at = state["at"]
torch.manual_seed(1)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
stream = Stream()
with Monitor("stream", model=model, optimizer=optimizer, save="0.0001 s", resume="auto", runs_dir=sys.argv[1],
             quiet=True) as monitor:
    for batch in monitor.batches(stream):
        loss = model(batch).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        monitor.log(loss=loss, at=float(batch[0, 0]))
        if monitor.step_count == int(sys.argv[2]):
            monitor._run.flush(); monitor._run.save()
            os.kill(os.getpid(), 9)
print(sum(parameter.double().sum().item() for parameter in model.parameters()).hex())
"""


def run_script(source: str, runs: Path, die: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", source, str(runs), str(die)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode == -9) == bool(die), done.stderr
    return done.stdout.splitlines()


def logged(runs: Path) -> list[str]:
    journal = next(runs.glob("*/events.jsonl")).read_text().splitlines()
    events = [json.loads(line) for line in journal]
    return [line for event in events if event["type"] == "Logged" for line in event["lines"]]


def test_a_killed_script_goes_on_exactly(tmp_path: Path) -> None:
    whole = run_script(EXACT, tmp_path / "whole", 0)
    run_script(EXACT, tmp_path / "killed", 29)
    again = run_script(EXACT, tmp_path / "killed", 0)
    assert again[1] == whole[1]
    assert len(list((tmp_path / "killed").iterdir())) == 1
    assert "resumed at step 24, exact" in logged(tmp_path / "killed")


@pytest.mark.long
def test_a_stream_killed_in_mid_epoch_goes_on_exactly(tmp_path: Path) -> None:
    whole = run_script(STATEFUL, tmp_path / "whole", 0)
    run_script(STATEFUL, tmp_path / "killed", 17)
    assert run_script(STATEFUL, tmp_path / "killed", 0) == whole
    assert any(line.startswith("resumed at step 1") and line.endswith("exact") for line in logged(tmp_path / "killed"))


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


class Counter:
    """Something that is kept."""

    def __init__(self) -> None:
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


def test_undo_restores_weights_and_what_is_kept_while_the_loop_goes_on(script: Script) -> None:
    script.optimizer = torch.optim.SGD(script.model.parameters(), lr=0.1, momentum=0.9)
    counter, seen = Counter(), {}
    with script.monitor() as monitor:
        monitor.keep(counter=counter)
        for step in monitor.steps(8):
            seen[step] = weights(script.model), counter.count
            script.step(script.inputs, script.targets)
            counter.count += 1
            if step == 2:
                send(monitor, cmd.SetLearningRate(value=5.0))
            if step == 5:
                send(monitor, cmd.Undo())
            if step == 6:
                send(monitor, cmd.Redo())
    assert same(seen[6][0], seen[3][0])
    assert seen[6][1] == 3
    assert same(seen[7][0], seen[6][0]) is False
    rates = script.series("lr")
    assert [rates[step] for step in range(1, 9)] == pytest.approx([0.1, 0.1, 0.1, 5.0, 5.0, 5.0, 0.1, 5.0])
    undone, redone = script.events("RolledBack")
    assert (undone["step"], undone["saved_at"]) == (6, 3)
    assert redone["restored"]["redone"] is True
    assert script.events("RunFinished")[0]["step"] == 8


def test_roll_back_to_the_best_and_to_a_name(script: Script) -> None:
    seen: dict[int, dict[str, torch.Tensor]] = {}
    with script.monitor(save="epoch") as monitor:
        for epoch in monitor.epochs(5):
            seen[epoch] = weights(script.model)
            for inputs, targets in monitor.batches(script.loader[:1]):
                script.step(inputs, targets)
            monitor.log_epoch(val_loss=(0.5, 0.1, 0.3, 0.4, 0.6)[epoch])
            if epoch == 0:
                send(monitor, cmd.SaveCheckpoint(name="early"))
            if epoch == 2:
                send(monitor, cmd.RollBack())
            if epoch == 3:
                send(monitor, cmd.RollBack(to="early"))
    rolled = script.events("RolledBack")
    assert [(event["to"], event["from_epoch"]) for event in rolled] == [("best", 2), ("early", 1)]
    assert {path.stem for path in (script.path / "checkpoints").iterdir()} >= {"last", "best", "early"}


def test_nothing_is_saved_unless_it_is_asked_for(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.epochs(2):
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
            monitor.log_epoch(val_loss=1.0)
    assert not list((script.path / "checkpoints").iterdir())


def test_an_undo_above_the_limit_is_refused_with_the_size(script: Script) -> None:
    script.model = nn.Linear(4, 1)
    large = nn.Linear(1000, 1000)
    with script.monitor(model=large, undo_limit=1_000_000) as monitor:
        for step in monitor.steps(4):
            script.step(script.inputs, script.targets)
            if step == 1:
                send(monitor, cmd.SetLearningRate(value=0.2))
            if step == 2:
                send(monitor, cmd.Undo())
    assert [event["reason"] for event in script.events("Refused")] == [
        "a copy of the run has 4 MB, above the limit of 1 MB for an undo"
    ]


def test_what_cannot_be_saved_is_said_and_ends_nothing(script: Script) -> None:
    class Odd(Counter):
        def state_dict(self) -> dict[str, Any]:
            return {"count": object()}

    with script.monitor(save="epoch") as monitor:
        monitor.keep(odd=Odd())
        for _ in monitor.epochs(2):
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
    failed = script.events("SavingFailed")
    assert failed
    assert "keep 'odd'.count: a object cannot be saved" in failed[0]["error"]
    assert script.events("RunFinished")[0]["step"] == 10


def block(folder: Path) -> None:
    """Put a file in the place of a folder, again if the run has created the folder meanwhile."""
    obstacle = folder.with_name("obstacle")
    obstacle.write_text("in the way")
    for count in range(100):
        folder.rename(folder.with_name(f"aside-{count}"))
        try:
            obstacle.rename(folder)
        except OSError:
            continue
        return
    raise AssertionError("the folder comes back each time")


def test_a_folder_that_cannot_be_written_ends_nothing(script: Script) -> None:
    with script.monitor(save="epoch") as monitor:
        for epoch in monitor.epochs(3):
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
            if epoch == 0:
                block(script.path / "checkpoints")
    assert any(event["error"] for event in script.events("SavingFailed"))
    assert script.events("RunFinished")[0]["step"] == 15


def test_another_configuration_is_refused(script: Script) -> None:
    with script.monitor("first", save="epoch", config={"width": 3}) as monitor:
        for _ in monitor.epochs(2):
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
            run = monitor._run
            assert run is not None
            run.submit(cmd.Stop())
    with pytest.raises(UserError, match=r"config\.width was 3, is 4"):
        script.monitor("first", resume=True, config={"width": 4})
    with pytest.raises(UserError, match="no unfinished run of 'other'"):
        script.monitor("other", resume=True)


REPLAYED = """
import sys, torch
from tui_trainer import Monitor
from tui_trainer.protocol import commands as cmd
torch.manual_seed(2)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
steer = "TUI_TRAINER_REPLAY" not in __import__("os").environ
with Monitor("again", model=model, optimizer=optimizer, runs_dir=sys.argv[1], quiet=True) as monitor:
    for step in monitor.steps(12):
        loss = model(torch.randn(8, 4)).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        monitor.log(loss=loss)
        if steer and step == 4:
            monitor._run.submit(cmd.SetLearningRate(value=0.05))
        if steer and step == 8:
            monitor._run.submit(cmd.Undo())
"""


@pytest.mark.long
def test_replay_starts_the_script_again_with_its_interventions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "train.py"
    file.write_text(REPLAYED)
    subprocess.run([sys.executable, str(file), str(tmp_path / "runs")], check=True, cwd=ROOT)
    arguments = ["replay", "last", "--runs-dir", str(tmp_path / "runs")]
    assert main(arguments) == 2
    assert "allow it with --trust" in capsys.readouterr().err
    assert main([*arguments, "--trust"]) == 0
    assert "identical over 12 steps" in capsys.readouterr().out
    assert main(["run", str(next((tmp_path / "runs").glob("*again_*")) / "run.toml"), "--headless"]) == 2
    assert "a training script made this run; start it again with" in capsys.readouterr().err
