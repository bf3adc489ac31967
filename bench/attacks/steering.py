"""Random interventions, then a replay."""

from __future__ import annotations

import random
import time

from bench.attacks import Outcome
from bench.place import Place

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
