"""Every rule, in an order in which each is asked after those that it looks at."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.diagnosis import broken, fitting, rates
from tui_trainer.diagnosis.findings import Finding, Name, Rule
from tui_trainer.diagnosis.history import History

RULES: Mapping[Name, Rule] = {
    "NAN": broken.nan,
    "DIVERGE": broken.diverge,
    "EXPLODE": broken.explode,
    "NOGRAD": broken.no_gradient,
    "DEAD": broken.dead,
    "VANISH": broken.vanish,
    "STUCK": broken.stuck,
    "LR_HIGH": rates.lr_high,
    "PLATEAU_NOISE": rates.plateau_noise,
    "ADAGRAD": rates.adagrad,
    "LR_LOW": rates.lr_low,
    "OVERFIT": fitting.overfit,
    "UNDERFIT": fitting.underfit,
    "PLATEAU": rates.plateau,
    "STOPPED_TOO_SOON": fitting.stopped_too_soon,
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
