"""Every rule, in an order in which each is asked after those that it looks at."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.diagnosis import failures, generalization, learning_rate
from tui_trainer.diagnosis.findings import Finding, Name, Rule
from tui_trainer.diagnosis.history import History

RULES: Mapping[Name, Rule] = {
    "NAN": failures.nan,
    "DIVERGE": failures.diverge,
    "EXPLODE": failures.explode,
    "NOGRAD": failures.no_gradient,
    "DEAD": failures.dead,
    "VANISH": failures.vanish,
    "STUCK": failures.stuck,
    "LR_HIGH": learning_rate.lr_high,
    "PLATEAU_NOISE": learning_rate.plateau_noise,
    "ADAGRAD": learning_rate.adagrad,
    "LR_LOW": learning_rate.lr_low,
    "OVERFIT": generalization.overfit,
    "UNDERFIT": generalization.underfit,
    "PLATEAU": learning_rate.plateau,
    "STOPPED_TOO_SOON": generalization.stopped_too_soon,
}
"""One function for each finding; a new one is a function, its row here, and its row in `HEADLINES`."""


def holding(history: History) -> dict[Name, Finding]:
    """What holds at this moment, however long it has."""
    found: dict[Name, Finding] = {}
    for name, rule in RULES.items():
        finding = rule(history, found)
        if finding is not None:
            found[name] = finding
    return found
