"""Record a run that a guard saves: `python scripts/record_guard.py` writes docs/guarded-run.md from real commands.

The same training twice: its rate grows too far and the network dies; with a guard it goes back and waits, settings are
raced from there, and the one that is taken finishes. Then it is trained again by `replay`, and both are compared.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from record_evening import Evening

PAGE = Path(__file__).parents[1] / "docs" / "guarded-run.md"
RUN = (
    "run digits-mlp training.epochs=12 model.dropout=0 optimizer.kind=sgd optimizer.momentum=0.9 optimizer.lr=1 "
    "scheduler.kind=one-cycle"
)
CONDITION = "when loss > 4 x its median of 50 steps and loss > 0.5"


def record(session: Evening) -> None:
    """Go through the two trainings, the race, the replay and the comparison."""
    session.say("# A run that a guard saves")
    session.say(
        "*Made by `python scripts/record_guard.py` from real commands; nothing on this page was typed by hand.*\n\n"
        "A one-cycle schedule lets the rate grow to 1, which is too much for this network: in the second epoch the\n"
        "loss has blown up, and from then on the network guesses."
    )
    session.run(f"{RUN} --headless --name plain")
    session.say(
        "The same training with a [guard](guards.md). When a loss is four times what was usual, weights and optimizer\n"
        "go back at least 40 steps, and the run waits:"
    )
    session.run(f'{RUN} --detach --name guarded --guard "{CONDITION}: roll back 40 steps, pause"')
    session.wait("guarded", "paused")
    session.run("send guarded guards")
    session.say("Four settings are [raced](trying.md) from the weights in hand, on the same batches, and taken back:")
    session.run("send guarded race unchanged lr=x0.3 lr=x0.1 'optimizer=adam lr=0.003' steps=120")
    raced = [event for event in _events(session, "guarded") if event["type"] == "Raced" and not event["priced"]][-1]
    session.say("The best one is taken. The guard lowers the rate by itself from now on, and the run goes on:")
    session.run(f"send guarded take-race {raced['best']}")
    session.run(
        f'send guarded set-guard name=guard-1 rule="{CONDITION}: roll back 40 steps, lr x0.3, cool-down 60 steps"'
    )
    if session.json("runs")[0]["status"] == "paused":
        session.run("send guarded resume")
    session.wait("guarded", "finished")
    session.run("runs guarded")
    session.say("Each firing is an intervention with its reason. A replay repeats them, without guard and race:")
    session.run("replay guarded --headless")
    session.say("The two runs side by side:")
    session.run("compare plain guarded")


def _events(session: Evening, run: str) -> list[dict[str, Any]]:
    journal = session.directory / "runs" / run / "events.jsonl"
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Record the session and write the page."""
    with tempfile.TemporaryDirectory() as directory:
        session = Evening(Path(directory))
        record(session)
    PAGE.write_text("\n".join(session.lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
