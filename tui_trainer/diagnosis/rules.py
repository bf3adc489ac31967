"""All rules, in dependency order."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.diagnosis import failures, generalization, learning_rate
from tui_trainer.diagnosis.findings import Finding, Name, Rule
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.processes import ranks

RULES: Mapping[Name, Rule] = {
    "NAN": failures.nan,
    "DIVERGE": failures.diverge,
    "EXPLODE": failures.explode,
    "DEAD": failures.dead,
    "NOGRAD": failures.no_gradient,
    "VANISH": failures.vanish,
    "STUCK": failures.stuck,
    "LR_HIGH": learning_rate.lr_high,
    "PLATEAU_NOISE": learning_rate.plateau_noise,
    "ADAGRAD": learning_rate.adagrad,
    "LR_LOW": learning_rate.lr_low,
    "OVERFIT": generalization.overfit,
    "UNDERFIT": generalization.underfit,
    "PLATEAU": learning_rate.plateau,
    "RANK_DATA": ranks.waits_for_data,
    "RANK_SLOW": ranks.slow,
    "STOPPED_TOO_SOON": generalization.stopped_too_soon,
}
"""The rule of each finding. To add one, write a function and add a row here and in `HEADLINES`."""


def holding(history: History) -> dict[Name, Finding]:
    """Return the findings of all rules that hold at this moment."""
    findings: dict[Name, Finding] = {}
    for name, rule in RULES.items():
        finding = rule(history, findings)
        if finding is not None:
            findings[name] = finding
    return findings
