"""A monitor stays out of the way: switched off, in worker processes, and where something fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.monitor.conftest import Script
from tui_trainer import Monitor, StopTraining
from tui_trainer.protocol import commands as cmd

LIGHT = """
import sys, tui_trainer
from tui_trainer import Monitor
monitor = Monitor("off", enabled=False)
heavy = [name for name in ("textual", "plotext", "pydantic", "torch", "rich") if name in sys.modules]
assert not heavy, heavy
assert list(monitor.batches([1, 2])) == [1, 2] and list(monitor.epochs(2)) == [0, 1]
assert list(monitor.steps(2)) == [0, 1]
assert monitor.step(loss=1.0) is True and not monitor.should_stop and monitor.run == ""
monitor.log(loss=object()); monitor.log_epoch(x=1); monitor.knob("a", get=lambda: 1, set=print); monitor.keep(a=3)
monitor.action("x", print); monitor.log_text("a", "b"); monitor.close()
"""

FAILING = """
import sys
from tui_trainer import Monitor
with Monitor("failing", runs_dir=sys.argv[1]) as monitor:
    for step in monitor.steps(10):
        monitor.log(loss=1.0)
        if step == 3:
            raise RuntimeError("the data are gone")
"""


def test_importing_and_switching_off_is_light() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, cwd=Path(__file__).parents[2])


def test_an_environment_variable_switches_it_off(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_TRAINER", "off")
    with script.monitor() as monitor:
        assert len([script.step(*batch) for batch in monitor.batches(script.loader)]) == 5
    assert not list(script.runs.iterdir())


def test_an_error_in_the_script_is_written_down_and_raised(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING, str(tmp_path)], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 1
    assert "RuntimeError: the data are gone" in done.stderr
    attach = [line for line in done.stderr.splitlines() if "tui-trainer attach" in line]
    assert len(attach) == 1
    journal = next(tmp_path.glob("*/events.jsonl")).read_text()
    assert '"reason":"failed","detail":"RuntimeError: the data are gone"' in journal
    assert "Traceback (most recent call last)" in journal


def test_an_interrupt_by_the_keyboard_is_passed_on(script: Script) -> None:
    def train() -> None:
        with script.monitor() as monitor:
            for _ in monitor.steps():
                script.step(script.inputs, script.targets)
                if monitor.step_count == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    finished = script.events("RunFinished")[0]
    assert (finished["reason"], finished["exit_code"], finished["step"]) == ("interrupted", 130, 2)


def test_an_error_in_here_is_said_once_and_ends_nothing(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    with script.monitor(quiet=False) as monitor:
        for _ in monitor.steps(3):
            script.step(script.inputs, script.targets)
            monitor.log(loss="not a number")
            monitor.log({"bad\x1bname": 1.0})
            monitor.log(fine=1.0)
    said = [line for line in capsys.readouterr().err.splitlines() if "monitor failed" in line]
    assert len(said) == 1
    assert "loss: got str" in said[0]
    assert script.series("fine") == {1: 1.0, 2: 1.0, 3: 1.0}
    assert any("loss: got str" in line for event in script.events("Logged") for line in event["lines"])


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    with Monitor("try", runs_dir=tmp_path / "file" / "runs") as monitor:
        assert list(monitor.steps(2)) == [0, 1]
    assert "this training is not watched" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": 3}, "give a torch optimizer"),
        ({"model": torch.zeros(1)}, "give a torch module"),
        ({"scheduler": "cosine"}, "give a torch scheduler"),
        ({"save": "sometimes"}, "10 min"),
        ({"best": ("val_loss", "low")}, '"min" or "max"'),
        ({"on_stop": "exit"}, "raise"),
    ],
)
def test_a_wrong_argument_is_refused_before_the_training(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Monitor("try", runs_dir=tmp_path, quiet=True, **given)  # pyright: ignore[reportArgumentType]
    assert not list(tmp_path.iterdir())


class _Logging(torch.utils.data.Dataset[torch.Tensor]):
    """A data set that logs wherever it is read."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        self.monitor.log(**{"from-worker": 1.0})
        assert list(self.monitor.steps(2)) == [0, 1]
        self.monitor.close()
        return torch.full((4,), float(index))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_worker_does_nothing(script: Script) -> None:
    with script.monitor() as monitor:
        loader = torch.utils.data.DataLoader(_Logging(monitor), num_workers=1, multiprocessing_context="fork")
        for inputs in monitor.batches(loader):
            script.step(inputs, torch.zeros(1, 1))
            monitor.log(loss=1.0)
    assert script.series("from-worker") == {}
    assert set(script.series("train_loss")) == {1, 2, 3, 4}
    assert script.events("RunFinished")[0]["step"] == 4


def test_two_monitors_in_one_process(script: Script, tmp_path: Path) -> None:
    other = Script(tmp_path / "other")
    with script.monitor("first") as first, other.monitor("second") as second:
        for step in first.steps(4):
            script.step(script.inputs, script.targets)
            first.log(loss=1.0)
            for inputs, targets in second.batches(other.loader):
                other.step(inputs, targets)
                second.log(loss=2.0)
            if step == 1:
                second.close()
    assert set(script.series("train_loss").values()) == {1.0}
    assert len(script.series("train_loss")) == 4
    assert set(other.series("train_loss").values()) == {2.0}
    assert len(other.series("train_loss")) == 10


def test_a_stop_can_be_raised_out_of_a_nested_loop(script: Script) -> None:
    reached: list[int] = []
    with script.monitor(on_stop="raise") as monitor:
        try:
            while True:
                script.step(script.inputs, script.targets)
                reached.append(monitor.step_count)
                if len(reached) == 3:
                    run = monitor._run
                    assert run is not None
                    run.submit(cmd.Stop())
                monitor.step(loss=1.0)
        except StopTraining:
            reached.append(-1)
            raise
    assert reached[-1] == -1
    assert len(reached) == 4
    assert script.events("RunFinished")[0]["reason"] == "stopped"
