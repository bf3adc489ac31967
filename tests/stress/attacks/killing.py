"""Kill -9 at random moments and at every system call of a save; the same calls failing."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time

from benchmarks.sandbox import Place, wait_for
from tests.stress.attacks import Outcome

PRESETS = {
    "digits-mlp": ["training.epochs=24"],
    "digits-cnn": ["training.epochs=3"],
    "breast-cancer": ["training.epochs=120", "early_stopping.enabled=false"],
    "diabetes": ["training.epochs=120", "early_stopping.enabled=false"],
    "spirals": ["training.epochs=60", "early_stopping.enabled=false"],
    "char-lm": ["training.epochs=1", "data.batch_size=128"],
}
"""Presets, shortened so that fifty kills fit into a quarter of an hour."""
OFTEN = ["checkpoints.every_seconds=0.2"]


def random_moments(times: int, seed: int) -> Outcome:
    """Kill a run at a random moment, resume it, and compare every number with the run that nobody killed."""
    outcome, source = Outcome(), random.Random(seed)
    place = Place()
    repeated = 0
    try:
        whole: dict[str, tuple[list[dict[str, str]], float]] = {}
        for preset, overrides in PRESETS.items():
            code, _, err = place.run("run", preset, *overrides, *OFTEN, "--name", f"whole-{preset}")
            outcome.expect(code == 0, f"{preset}: {err}")
            curve = place.curve(f"whole-{preset}")
            seconds = place.json("compare", f"whole-{preset}")["runs"][0]
            whole[preset] = curve, float(seconds["step"])
        for number in range(times):
            if outcome.late:
                break
            preset = list(PRESETS)[number % len(PRESETS)]
            name = f"k{number}"
            process = place.start("run", preset, *PRESETS[preset], *OFTEN, "--name", name, stdout=subprocess.DEVNULL)
            steps = whole[preset][1]
            target = source.random() * steps
            journal = place.folder(name) / "events.jsonl"
            wait_for(lambda journal=journal, target=target: last_step(journal) >= target)
            time.sleep(source.random() * 0.1)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            reached = last_step(journal)
            code, out, err = place.run("resume", name)
            outcome.times += 1
            if code == 2 and "epochs are trained" in err:
                continue  # it had ended before the signal came
            outcome.expect(code == 0, f"{preset}: resume ended with {code}: {err}")
            found = re.search(r"resumed at step (\d+)", out)
            repeated = max(repeated, reached - int(found.group(1)) if found else reached)
            differs = first_difference(whole[preset][0], place.curve(name))
            outcome.expect(not differs, f"{preset} killed at step {reached}: {differs}")
            shutil.rmtree(place.folder(name))
        outcome.note = f"at most {repeated} steps trained again"
    finally:
        place.close()
    return outcome


def last_step(journal: os.PathLike[str]) -> int:
    """The newest step in a journal, read from its end."""
    try:
        with open(journal, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 20_000))
            found = re.findall(rb'"type":"Scalars","step":(\d+)', file.read())
    except OSError:
        return 0
    return int(found[-1]) if found else 0


def first_difference(one: list[dict[str, str]], other: list[dict[str, str]]) -> str:
    """The first number in which two curves differ, in words; empty where they are the same."""
    if len(one) != len(other):
        return f"{len(one)} rows, then {len(other)}"
    for a, b in zip(one, other, strict=True):
        if a != b:
            name = next(name for name in a if a[name] != b.get(name))
            return f"step {a['step']}: {name} {a[name]!r} {b.get(name)!r}"
    return ""


SAVING = ["tiny.toml", "checkpoints.every_steps=10"]
CALLS = ("fsync", "rename", "ftruncate", "link")


def _traced(place: Place, name: str, injection: str) -> tuple[int, str, str]:
    return place.run(
        "run", *SAVING, "--name", name,
        prefix=("strace", "-f", "-qq", "-o", str(place.directory / "trace"), "-e", f"inject={injection}"),
    )  # fmt: skip


def every_call(most: int) -> Outcome:
    """Kill the run at each fsync, rename, ftruncate and link that it makes; what is left resumes bit for bit."""
    outcome = Outcome()
    place = Place()
    try:
        place.run("run", *SAVING, "--name", "whole")
        whole = place.curve("whole")
        points: list[str] = []
        calls = list(CALLS)
        for when in range(1, most + 1):
            for call in list(calls):
                name = f"{call}-{when}"
                if outcome.late:
                    break
                code, _, _ = _traced(place, name, f"{call}:signal=SIGKILL:when={when}")
                if code == 0:  # it makes fewer of these calls
                    calls.remove(call)
                    continue
                outcome.times += 1
                points.append(name)
                if not (place.folder(name) / "run.toml").exists():  # killed before there was a run: its name is free
                    code, _, err = place.run("run", *SAVING, "--name", name)
                    outcome.expect(code == 0, f"killed at {name}: the name is not free: {err}")
                    continue
                code, _, err = place.run("resume", name)
                if code == 2 and "epochs are trained" in err:
                    code = 0
                outcome.expect(code == 0, f"killed at {name}: resume ended with {code}: {err}")
                if code == 0:
                    differs = first_difference(whole, place.curve(name))
                    outcome.expect(not differs, f"killed at {name}: {differs}")
        outcome.note = ", ".join(f"{call} {sum(p.startswith(call) for p in points)}" for call in CALLS)
    finally:
        place.close()
    return outcome


def failing_calls(most: int) -> Outcome:
    """The same calls failing: training goes on, the state is said, nothing half-written stands under a final name."""
    outcome = Outcome()
    place = Place()
    try:
        place.run("run", *SAVING, "--name", "whole")
        whole = place.curve("whole")
        for call in ("fsync", "rename", "link", "write"):
            for error in ("EIO", "ENOSPC", "EXDEV"):
                for when in ("3+", "5..9", "12..14") if call != "write" else ("200..220",):
                    name = f"{call}-{error}-{when.strip('+').replace('..', '-')}"
                    outcome.times += 1
                    code, out, err = _traced(place, name, f"{call}:error={error}:when={when}")
                    if code == 2:  # refused before training: then nothing may be left
                        outcome.expect(not place.folder(name).exists(), f"{name}: refused and left a folder: {err}")
                        continue
                    outcome.expect(code == 0, f"{name}: training ended with {code}: {err[-300:]}")
                    for path in place.folder(name).glob("checkpoints/*.safetensors"):
                        outcome.expect(_whole(place, path), f"{name}: {path.name} is not whole")
                    if place.folder(name).exists() and "NOT SAVED" not in out:
                        differs = first_difference(whole, place.curve(name))
                        outcome.expect(not differs, f"{name}: nothing was said, and {differs}")
                    if outcome.times >= most or outcome.late:
                        return outcome
    finally:
        place.close()
    return outcome


def _whole(place: Place, path: os.PathLike[str]) -> bool:
    code = (
        "import sys; from pathlib import Path;"
        "from tui_trainer.engine.checkpointing.file_format import load; load(Path(sys.argv[1]))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", code, os.fspath(path)], env=place.environ, capture_output=True)
    return done.returncode == 0
