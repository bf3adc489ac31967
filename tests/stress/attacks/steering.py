"""Random interventions, then a replay; or kill -9 in the middle of them, and on from the last save."""

from __future__ import annotations

import os
import random
import signal
import time

from benchmarks.sandbox import Place, wait_for
from tests.stress.attacks import Outcome
from tests.stress.attacks.killing import first_difference

COMMANDS = (
    ("set-lr", "factor=0.5"), ("set-lr", "factor=2"), ("set-lr", "value=0.003"), ("set-scheduler", "kind=cosine"),
    ("set-scheduler", "kind=staircase", "period=3"), ("set-optimizer", "kind=sgd", "lr=0.05", "momentum=0.9"),
    ("set-optimizer", "kind=adam"), ("set-clip", "value=0.5"), ("set-epochs", "add=5"), ("set-patience", "patience=7"),
    ("roll-back",), ("undo",), ("pause",), ("resume",), ("validate",), ("save",), ("step",), ("note", "text=here"),
)  # fmt: skip


def scripts(times: int, seed: int) -> Outcome:
    """Ten random commands to a live run, then a replay of it: identical."""
    outcome, source = Outcome(), random.Random(seed)
    place = Place()
    steps = 0
    try:
        for number in range(times):
            if outcome.late:
                break
            name = f"s{number}"
            place.run("run", "tiny.toml", "training.epochs=100000", "--detach", "--name", name)
            for _ in range(10):
                place.run("send", name, *source.choice(COMMANDS))
                time.sleep(source.random() * 0.05)
            place.run("send", name, "resume")
            place.run("send", name, "stop", *(["when=epoch"] if source.random() < 0.5 else []))
            code, out, err = place.run("replay", name)
            outcome.times += 1
            last = out.strip().splitlines()[-1] if out.strip() else err
            outcome.expect(code == 0, f"{name}: {last}")
            if code == 0:
                steps += int(last.split()[2].replace(",", ""))
        outcome.note = f"{steps:,} steps compared"
    finally:
        place.close()
    return outcome


def killed(times: int, seed: int) -> Outcome:
    """Kill a run that is being steered, and go on with it: what was asked after its last save is asked again."""
    outcome, source = Outcome(), random.Random(seed)
    place = Place()
    asked = 0
    lasting = [command for command in COMMANDS if command[0] not in ("pause", "resume", "step")]
    try:
        for number in range(times):
            if outcome.late:
                break
            name = f"t{number}"
            pace = ("training.epochs=400", "training.steps_per_second=800", "checkpoints.every_seconds=1")
            place.run("run", "tiny.toml", *pace, "--detach", "--name", name)
            for _ in range(source.randint(2, 8)):
                place.run("send", name, *source.choice(lasting))
                time.sleep(source.random() * 0.2)
            host = place.pid(name)
            os.kill(host, signal.SIGKILL)
            wait_for(
                lambda name=name: any(run["name"] == name and run["status"] == "dead" for run in place.json("runs"))
            )
            before, interventions = place.curve(name), _interventions(place, name)
            code, _, err = place.run("resume", name)
            outcome.times += 1
            outcome.expect(code == 0, f"{name}: resume ended with {code}: {err}")
            # What had been measured of the last steps may not have been written yet.
            after = [
                {metric: value if old[metric] else "" for metric, value in row.items()}
                for old, row in zip(before, place.curve(name), strict=False)
            ]
            differs = first_difference(before, after)
            outcome.expect(not differs, f"{name}: {differs}")
            found = _interventions(place, name)
            outcome.expect(found[: len(interventions)] == interventions, f"{name}: {interventions} became {found}")
            asked += len(interventions)
            code, out, err = place.run("replay", name)
            outcome.expect(code == 0, f"{name}: {out.strip().splitlines()[-1] if out.strip() else err}")
        outcome.note = f"{asked} interventions outlived it"
    finally:
        place.close()
    return outcome


def _interventions(place: Place, name: str) -> list[tuple[int, str]]:
    (run,) = place.json("compare", name)["runs"]
    # A checkpoint that holds what is to be asked again is a little larger.
    return [(one["step"], one["what"].partition(" (")[0]) for one in run["interventions"]]
