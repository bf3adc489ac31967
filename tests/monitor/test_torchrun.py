"""A loop with DDP under a real torchrun of two processes: steered at one step, and no hang where one is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("torchrun_loop.py")


def torchrun(runs: Path, out: Path, *given: str, count: int = 2) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), str(SCRIPT),
    ]  # fmt: skip
    return subprocess.run(
        [*command, str(runs), str(out), *given], capture_output=True, text=True, check=False, timeout=400,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )  # fmt: skip


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def seen(out: Path, rank: int) -> list[list[float]]:
    return json.loads(Path(f"{out}-{rank}.json").read_text())["seen"]


def caused(events: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    """Return the event and the step at which each command took effect, by its id."""
    found: dict[str, tuple[str, int]] = {}
    for event in events:
        if event.get("cause"):
            found.setdefault(event["cause"]["id"], (event["type"], event["step"]))
    return found


def test_every_command_is_obeyed_by_both_ranks_at_one_step(tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out"
    done = torchrun(runs, out, "plan")
    assert done.returncode == 0, done.stderr
    one, other = seen(out, 0), seen(out, 1)
    assert [row[:4] for row in one] == [row[:4] for row in other]  # step, rate, weights, knob; the losses differ
    (folder,) = runs.iterdir()
    events = journal(folder)
    effects = caused(events)
    kinds = {name: kind for name, (kind, _) in effects.items()}
    assert kinds == {
        "rate": "SettingChanged", "schedule": "SchedulerChanged", "save": "CheckpointSaved", "pause": "StatusChanged",
        "step": "StatusChanged", "resume": "StatusChanged", "knob": "KnobChanged", "back": "RolledBack",
        "clip": "SettingChanged", "undo": "RolledBack", "stop": "StatusChanged",
    }  # fmt: skip
    at = {name: step for name, (_, step) in effects.items()}
    rates = {int(row[0]): row[1] for row in one}
    assert rates[at["rate"] + 1] == pytest.approx(0.02, rel=0.01)
    assert rates[at["schedule"] + 1] == pytest.approx(0.01)
    assert at["resume"] == at["step"] + 1 == at["pause"] + 1
    assert {int(row[0]): row[3] for row in one}[at["knob"] + 1] == 0.5
    assert len(one) == at["stop"] == events[-1]["step"]
    assert events[-1]["reason"] == "stopped"
    causes = [event["cause"]["id"] for event in events if event.get("cause") and event["type"] != "RunFinished"]
    assert sorted(causes) == sorted(effects)  # each journaled once
    mine = [event for event in events if event["type"] == "CheckpointSaved" and event["name"] == "mine"]
    assert len(mine) == 1
    assert (folder / "ranks" / "mine-1.safetensors").exists()
    about = json.loads((folder / "about.json").read_text())
    assert about["processes"] == 2


def test_a_resumed_run_goes_on_exactly_with_as_many_ranks(tmp_path: Path) -> None:
    assert torchrun(tmp_path / "whole", tmp_path / "a", "whole").returncode == 0
    assert torchrun(tmp_path / "parts", tmp_path / "b", "half").returncode == 0
    (folder,) = (tmp_path / "parts").iterdir()
    assert torchrun(tmp_path / "parts", tmp_path / "c", "whole", folder.name).returncode == 0
    for rank in range(2):
        assert seen(tmp_path / "b", rank) + seen(tmp_path / "c", rank) == seen(tmp_path / "a", rank)
    lines = [line for event in journal(folder) if event["type"] == "Logged" for line in event["lines"]]
    assert "resumed at step 40, exact" in lines


def test_guards_act_on_both_ranks_at_one_step(tmp_path: Path) -> None:
    """A loss that is NaN on rank 1 alone breaks the gradient of both, which DDP has summed up."""
    runs, out = tmp_path / "runs", tmp_path / "out"
    done = torchrun(runs, out, "guards")
    assert done.returncode == 0, done.stderr
    one, other = seen(out, 0), seen(out, 1)
    assert [row[:3] for row in one] == [row[:3] for row in other]  # step, rate, weights
    weights = {int(row[0]): row[2] for row in one}
    assert weights[12] == weights[11] != weights[13]
    rates = {int(row[0]): row[1] for row in one}
    assert rates[30] > 0.05
    assert rates[31] == pytest.approx(0.01, rel=0.01)
    (folder,) = runs.iterdir()
    events = journal(folder)
    acted = [(event["type"], event["step"]) for event in events if event.get("cause")]
    assert acted == [("StepSkipped", 11), ("SettingChanged", 30)]  # each journaled once
    assert events[-1]["reason"] == "completed"


@pytest.mark.parametrize(
    ("what", "said"), [("kill", "rank 1 is gone without a word: it was killed"), ("fail", "rank 1 failed: ValueError")]
)
def test_a_lost_rank_is_named_and_nothing_hangs(what: str, said: str, tmp_path: Path) -> None:
    done = torchrun(tmp_path / "runs", tmp_path / "out", what)
    assert done.returncode != 0
    (folder,) = (tmp_path / "runs").iterdir()
    last = journal(folder)[-1]
    assert (last["type"], last["reason"]) == ("RunFinished", "failed")
    assert last["detail"].startswith(said)
    assert "on disk: last of step 20, " in last["detail"]
