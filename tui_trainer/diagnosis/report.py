"""The event of a finding: its title, evidence with its stretch, cause and actions."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.diagnosis.findings import KEYS, WHY, Finding
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.hysteresis import Streak
from tui_trainer.diagnosis.interventions import WINDOW, Change, likely_cause
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.finding_titles import TITLES

MOST_ACTIONS = 3


def diagnosed(
    finding: Finding,
    history: History,
    streak: Streak | None,
    active: Mapping[str, ev.Diagnosed],
    *,
    step: int,
    epoch: int,
) -> ev.Diagnosed:
    """Return the event that reports a finding.

    Args:
        finding: the result of its rule.
        history: the run.
        streak: the epochs for which it has held; None if the run ended within its first epoch.
        active: the active findings, as last reported: the finding itself if it was reported before.
        step: the present step.
        epoch: the present epoch; a finding that was reported before keeps its own.
    """
    known = active.get(finding.name)
    since, first = (streak.since, streak.first) if streak is not None else (history.epochs_end, step)
    cause = _cause(finding, history, active, since, first)
    actions = finding.actions
    if cause is not None:
        against = ("x",) if cause.factor > 1 else ("/",) if cause.factor < 1 else ()
        actions = tuple(each for each in actions if not (each.action == "rate" and each.value.startswith(against)))
        undo = ev.FindingAction(label=f"undo it: back to step {cause.step:,}", action="undo")
        actions = (undo, *actions)[:MOST_ACTIONS]
        since = min(max(since, cause.step), step)
    elif finding.since is not None:
        since = finding.since
    if known is not None and known.since_step is not None:
        since = known.since_step
    return ev.Diagnosed(
        step=step,
        finding=finding.name,
        severity=finding.severity,
        again=known is not None and known.severity == finding.severity,
        rank=finding.place,
        epoch=epoch if known is None else known.epoch,
        evidence=finding.evidence,
        numbers=dict(finding.numbers),
        advice=finding.advice,
        key=" ".join(dict.fromkeys(KEYS[action.action] for action in actions if action.action)),
        title=TITLES[finding.name],
        why=WHY[finding.name],
        since_step=since,
        until_step=step,
        likely_cause=cause.sentence() if cause is not None else "",
        cause_step=cause.step if cause is not None else None,
        cause_id=cause.id if cause is not None else "",
        actions=actions,
        bars=dict(finding.bars),
        threshold=finding.threshold,
        curve=finding.curve,
    )


def resolved(said: ev.Diagnosed, step: int) -> ev.Diagnosed:
    """Return the event that withdraws a finding; its stretch ends where it was last reported."""
    return said.model_copy(update={"active": False, "again": False, "step": step})


def _cause(
    finding: Finding, history: History, active: Mapping[str, ev.Diagnosed], since: int, first: int
) -> Change | None:
    """Return the intervention that a finding follows from: one shortly before it, or that of another active finding."""
    by_id = {(each.id, each.step): each for each in history.interventions}
    known = active.get(finding.name)
    if known is not None:
        return by_id.get((known.cause_id, known.cause_step if known.cause_step is not None else -1))
    window = max(WINDOW, history.planned // 10) * history.steps_per_epoch
    own = likely_cause(finding.name, history.interventions, since=since, first_seen=first, window=window)
    if own is not None:
        return own
    others = (by_id.get((each.cause_id, each.cause_step)) for each in active.values() if each.cause_step is not None)
    return next(
        (each for each in others if each is not None and each.step < first and each.explains(finding.name)), None
    )
