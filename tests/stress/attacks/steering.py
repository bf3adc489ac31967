"""Random interventions followed by a replay, or by kill -9 and a resume."""

from __future__ import annotations

import os
import random
import signal
import time

from benchmarks.sandbox import Sandbox, wait_for
from tests.stress.attacks import Outcome
from tests.stress.attacks.killing import first_difference

COMMANDS = (
    ("set-lr", "factor=0.5"), ("set-lr", "factor=2"), ("set-lr", "value=0.003"), ("set-scheduler", "kind=cosine"),
    ("set-scheduler", "kind=staircase", "period=3"), ("set-optimizer", "kind=sgd", "lr=0.05", "momentum=0.9"),
    ("set-optimizer", "kind=adam"), ("set-clip", "value=0.5"), ("set-epochs", "add=5"), ("set-patience", "patience=7"),
    ("roll-back",), ("undo",), ("pause",), ("resume",), ("validate",), ("save",), ("step",), ("note", "text=here"),
)  # fmt: skip


def scripts(times: int, seed: int) -> Outcome:
    """Send ten random commands to a live run and replay it: the replay is identical."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox = Sandbox()
    steps = 0
    try:
        for number in range(times):
            if outcome.late:
                break
            name = f"s{number}"
            sandbox.run("run", "tiny.toml", "training.epochs=100000", "--detach", "--name", name)
            for _ in range(10):
                sandbox.run("send", name, *source.choice(COMMANDS))
                time.sleep(source.random() * 0.05)
            sandbox.run("send", name, "resume")
            sandbox.run("send", name, "stop", *(["when=epoch"] if source.random() < 0.5 else []))
            code, out, err = sandbox.run("replay", name)
            outcome.times += 1
            last = out.strip().splitlines()[-1] if out.strip() else err
            outcome.expect(code == 0, f"{name}: {last}")
            if code == 0:
                steps += int(last.split()[2].replace(",", ""))
        outcome.note = f"{steps:,} steps compared"
    finally:
        sandbox.close()
    return outcome


def killed(times: int, seed: int) -> Outcome:
    """Kill a run during interventions and resume it: interventions after the last save are repeated."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox = Sandbox()
    repeated = 0
    without_pauses = [command for command in COMMANDS if command[0] not in ("pause", "resume", "step")]
    try:
        for number in range(times):
            if outcome.late:
                break
            name = f"t{number}"
            pace = ("training.epochs=400", "training.steps_per_second=800", "checkpoints.every_seconds=1")
            sandbox.run("run", "tiny.toml", *pace, "--detach", "--name", name)
            for _ in range(source.randint(2, 8)):
                sandbox.run("send", name, *source.choice(without_pauses))
                time.sleep(source.random() * 0.2)
            host = sandbox.pid(name)
            os.kill(host, signal.SIGKILL)
            wait_for(
                lambda name=name: any(run["name"] == name and run["status"] == "dead" for run in sandbox.json("runs"))
            )
            before, interventions = sandbox.curve(name), _interventions(sandbox, name)
            code, _, err = sandbox.run("resume", name)
            outcome.times += 1
            outcome.expect(code == 0, f"{name}: resume ended with {code}: {err}")
            # The measurements of the last steps may not have been written.
            after = [
                {metric: value if old[metric] else "" for metric, value in row.items()}
                for old, row in zip(before, sandbox.curve(name), strict=False)
            ]
            differs = first_difference(before, after)
            outcome.expect(not differs, f"{name}: {differs}")
            resumed = _interventions(sandbox, name)
            outcome.expect(resumed[: len(interventions)] == interventions, f"{name}: {interventions} became {resumed}")
            repeated += len(interventions)
            code, out, err = sandbox.run("replay", name)
            outcome.expect(code == 0, f"{name}: {out.strip().splitlines()[-1] if out.strip() else err}")
        outcome.note = f"{repeated} interventions survived"
    finally:
        sandbox.close()
    return outcome


def _interventions(sandbox: Sandbox, name: str) -> list[tuple[int, str]]:
    (run,) = sandbox.json("compare", name)["runs"]
    # Checkpoint sizes in the text differ: a checkpoint with interventions to repeat is a little larger.
    return [(one["step"], one["what"].partition(" (")[0]) for one in run["interventions"]]
