"""Record a run that a guard saves: `python scripts/record_guard.py` writes docs/guarded-run.md from real commands.

The same training twice: its rate grows too far and the network dies; with a guard it goes back, lowers the rate and
finishes. Then the guarded run is trained again by `replay`, and both are compared. It takes half a minute.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from record_evening import Evening

PAGE = Path(__file__).parents[1] / "docs" / "guarded-run.md"
RUN = (
    "run digits-mlp training.epochs=12 model.dropout=0 optimizer.kind=sgd optimizer.momentum=0.9 optimizer.lr=1 "
    "scheduler.kind=one-cycle --headless"
)
RULE = "when loss > 4 x its median of 50 steps and loss > 0.5: roll back 40 steps, lr x0.3, cool-down 60 steps"


def record(session: Evening) -> None:
    """Go through the two trainings, the replay and the comparison."""
    session.say("# A run that a guard saves")
    session.say(
        "*Made by `python scripts/record_guard.py` from real commands; nothing on this page was typed by hand.*\n\n"
        "A one-cycle schedule lets the rate grow to 1, which is too much for this network: in the second epoch the\n"
        "loss has blown up, and from then on the network guesses."
    )
    session.run(f"{RUN} --name plain")
    session.say(
        "The same training with a [guard](guards.md). When a loss is four times what was usual, weights and optimizer\n"
        "go back at least 40 steps and the schedule goes on at 0.3 of its height:"
    )
    session.run(f'{RUN} --name guarded --guard "{RULE}"')
    session.say("Each firing is an intervention with its reason. A replay repeats them, without the guard:")
    session.run("replay guarded --headless")
    session.say("The two runs side by side:")
    session.run("compare plain guarded")
    session.say("What the guard did, as a preset that needs no guard:")
    session.run("bake guarded -o saved.toml")
    written = (session.directory / "saved.toml").read_text(encoding="utf-8")
    session.lines += ["```toml", *written[written.index("\n[[actions]]") :].strip().splitlines()[:14], "...", "```", ""]


def main() -> None:
    """Record the session and write the page."""
    with tempfile.TemporaryDirectory() as directory:
        session = Evening(Path(directory))
        record(session)
    PAGE.write_text("\n".join(session.lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
