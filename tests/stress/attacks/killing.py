"""Kill -9 at random moments and at the system calls of a save; failures of the same calls."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence

from benchmarks.sandbox import Sandbox, wait_for
from tests.stress.attacks import Outcome

PRESETS = {
    "digits-mlp": ["training.epochs=24"],
    "digits-cnn": ["training.epochs=3"],
    "breast-cancer": ["training.epochs=120", "early_stopping.enabled=false"],
    "diabetes": ["training.epochs=120", "early_stopping.enabled=false"],
    "spirals": ["training.epochs=60", "early_stopping.enabled=false"],
    "char-lm": ["training.epochs=1", "data.batch_size=128"],
}
"""Presets, shortened so that fifty kills take a quarter of an hour."""
OFTEN = ["checkpoints.every_seconds=0.2"]


def random_moments(times: int, seed: int, presets: Sequence[str] = tuple(PRESETS)) -> Outcome:
    """Kill a run at a random moment, resume it, and compare every number with an undisturbed run."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox = Sandbox()
    repeated = 0
    try:
        intact: dict[str, tuple[list[dict[str, str]], float]] = {}
        for preset in presets:
            code, _, err = sandbox.run("run", preset, *PRESETS[preset], *OFTEN, "--name", f"intact-{preset}")
            outcome.expect(code == 0, f"{preset}: {err}")
            curve = sandbox.curve(f"intact-{preset}")
            seconds = sandbox.json("compare", f"intact-{preset}")["runs"][0]
            intact[preset] = curve, float(seconds["step"])
        for number in range(times):
            if outcome.late:
                break
            preset = presets[number % len(presets)]
            name = f"k{number}"
            process = sandbox.start("run", preset, *PRESETS[preset], *OFTEN, "--name", name, stdout=subprocess.DEVNULL)
            steps = intact[preset][1]
            target = source.random() * steps
            journal = sandbox.folder(name) / "events.jsonl"
            wait_for(lambda journal=journal, target=target: last_step(journal) >= target)
            time.sleep(source.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            reached = last_step(journal)
            code, out, err = sandbox.run("resume", name)
            outcome.times += 1
            if code == 2 and "epochs are trained" in err:
                continue  # the run had ended before the signal
            outcome.expect(code == 0, f"{preset}: resume ended with {code}: {err}")
            resumed = re.search(r"resumed at step (\d+)", out)
            repeated = max(repeated, reached - int(resumed.group(1)) if resumed else reached)
            differs = first_difference(intact[preset][0], sandbox.curve(name))
            outcome.expect(not differs, f"{preset} killed at step {reached}: {differs}")
            shutil.rmtree(sandbox.folder(name))
        outcome.note = f"at most {repeated} steps trained again"
    finally:
        sandbox.close()
    return outcome


def last_step(journal: os.PathLike[str]) -> int:
    """Return the last step of a journal, read from its end."""
    try:
        with open(journal, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
            steps = re.findall(rb'"type":"Scalars","step":(\d+)', file.read())
    except OSError:
        return 0
    return int(steps[-1]) if steps else 0


def first_difference(one: list[dict[str, str]], other: list[dict[str, str]]) -> str:
    """Describe the first number in which two curves differ; empty if they are equal."""
    if len(one) != len(other):
        return f"{len(one)} rows before, {len(other)} after"
    for a, b in zip(one, other, strict=True):
        if a != b:
            name = next(name for name in a if a[name] != b.get(name))
            return f"step {a['step']}: {name} {a[name]!r} {b.get(name)!r}"
    return ""


SAVING = ["tiny.toml", "checkpoints.every_steps=10"]
CALLS = ("fsync", "rename", "ftruncate", "link")


def _traced(sandbox: Sandbox, name: str, injection: str) -> tuple[int, str, str]:
    return sandbox.run(
        "run", *SAVING, "--name", name,
        prefix=("strace", "-f", "-qq", "-o", str(sandbox.directory / "trace"), "-e", f"inject={injection}"),
    )  # fmt: skip


def every_call(most: int) -> Outcome:
    """Kill the run at each fsync, rename, ftruncate and link; the rest resumes bit for bit."""
    outcome = Outcome()
    sandbox = Sandbox()
    try:
        sandbox.run("run", *SAVING, "--name", "intact")
        intact = sandbox.curve("intact")
        points: list[str] = []
        calls = list(CALLS)
        for when in range(1, most + 1):
            for call in list(calls):
                name = f"{call}-{when}"
                if outcome.late:
                    break
                code, _, _ = _traced(sandbox, name, f"{call}:signal=SIGKILL:when={when}")
                if code == 0:  # the run makes fewer of these calls
                    calls.remove(call)
                    continue
                outcome.times += 1
                points.append(name)
                if not (sandbox.folder(name) / "run.toml").exists():  # killed too early: the name is free
                    code, _, err = sandbox.run("run", *SAVING, "--name", name)
                    outcome.expect(code == 0, f"killed at {name}: the name is not free: {err}")
                    continue
                code, _, err = sandbox.run("resume", name)
                if code == 2 and "epochs are trained" in err:
                    code = 0
                outcome.expect(code == 0, f"killed at {name}: resume ended with {code}: {err}")
                if code == 0:
                    differs = first_difference(intact, sandbox.curve(name))
                    outcome.expect(not differs, f"killed at {name}: {differs}")
        outcome.note = ", ".join(f"{call} {sum(p.startswith(call) for p in points)}" for call in CALLS)
    finally:
        sandbox.close()
    return outcome


def failing_calls(most: int) -> Outcome:
    """Let the same calls fail: training goes on, the failure is reported, and no final name has a partial file."""
    outcome = Outcome()
    sandbox = Sandbox()
    try:
        sandbox.run("run", *SAVING, "--name", "intact")
        intact = sandbox.curve("intact")
        for call in ("fsync", "rename", "link", "write"):
            for error in ("EIO", "ENOSPC", "EXDEV"):
                for when in ("3+", "5..9", "12..14") if call != "write" else ("200..220",):
                    name = f"{call}-{error}-{when.strip('+').replace('..', '-')}"
                    outcome.times += 1
                    code, out, err = _traced(sandbox, name, f"{call}:error={error}:when={when}")
                    if code == 2:  # refused before training: no folder may remain
                        outcome.expect(not sandbox.folder(name).exists(), f"{name}: refused and left a folder: {err}")
                        continue
                    outcome.expect(code == 0, f"{name}: training ended with {code}: {err[-300:]}")
                    for path in sandbox.folder(name).glob("checkpoints/*.safetensors"):
                        outcome.expect(_complete(sandbox, path), f"{name}: {path.name} is not complete")
                    if sandbox.folder(name).exists() and "NOT SAVED" not in out:
                        differs = first_difference(intact, sandbox.curve(name))
                        outcome.expect(not differs, f"{name}: no report, and {differs}")
                    if outcome.times >= most or outcome.late:
                        return outcome
    finally:
        sandbox.close()
    return outcome


def _complete(sandbox: Sandbox, path: os.PathLike[str]) -> bool:
    code = (
        "import sys; from pathlib import Path;"
        "from tui_trainer.engine.checkpointing.file_format import load; load(Path(sys.argv[1]))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", code, os.fspath(path)], env=sandbox.environ, capture_output=True)
    return done.returncode == 0
