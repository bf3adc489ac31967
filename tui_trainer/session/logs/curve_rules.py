"""The rules of the diagnosis that need no more than the curves of a log."""

from __future__ import annotations

from tui_trainer.protocol.finding_titles import TITLES

CURVE_RULES = ("NAN", "DIVERGE", "OVERFIT", "STOPPED_TOO_SOON")
"""Rules that need only losses. The others need layers, step probes, or the loss of guessing."""


def in_short() -> str:
    """Return the sentence for the screen: how many rules are left out."""
    left = len(TITLES) - len(CURVE_RULES)
    return f"diagnosis from curves alone: {left} of {len(TITLES)} rules need more and are left out"


def without() -> str:
    """Return the sentence that names the rules that are left out."""
    left = [title.lower() for name, title in TITLES.items() if name not in CURVE_RULES]
    return f"diagnosis from curves alone; left out: {'; '.join(left)} (they need layers, step probes or the data)"
