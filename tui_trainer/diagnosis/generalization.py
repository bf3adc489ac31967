"""Rules about overfitting, underfitting and stopping too early."""

from __future__ import annotations

import math

from tui_trainer.diagnosis.actions import LONGER, PATIENCE, STOP, again, elsewhere
from tui_trainer.diagnosis.epochs import EpochSeen, Validated
from tui_trainer.diagnosis.findings import ORDER, Finding, Holding, blamed
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.plan import NEARLY_ZERO, planned_share
from tui_trainer.protocol.describe import number

RATIO = 1.10
"""Smallest ratio of the validation loss to its best value."""
PAST_BEST = 5
"""Smallest number of epochs since the best one."""

REGULAR = again("with dropout", "model.dropout=0.3")
SMOOTH = again("with label smoothing, which limits the confidence", "loss.label_smoothing=0.1")
WIDER = again("with a wider or deeper network", "model.hidden=[256,256]")


def overfit(history: History, _holding: Holding) -> Finding | None:
    """s = running median of 3 validation losses; 5 epochs past its best b; s > max(1.10, 1 + 3/sqrt(n)) s_b;
    ml < 0.9 ml_b; s > ml."""
    needed = max(RATIO, 1 + 3 / math.sqrt(max(history.validation_samples, 1)))
    epochs = history.epochs
    best, newest = epochs.best, epochs.newest
    if best is None or newest is None or newest.epoch.number - best.epoch.number < PAST_BEST:
        return None
    then, now = best.epoch, newest.epoch
    if newest.loss <= needed * best.loss or now.loss >= 0.9 * then.loss or newest.loss <= now.loss:
        return None
    ratio = newest.loss / best.loss if best.loss > 0 else None
    rose, errors = _error(history, best, newest)
    kind = "overfit" if rose or not errors else "overconfidence: the validation loss rises, the error does not"
    return Finding(
        "OVERFIT",
        f"{kind}; validation loss {number(ratio, 3)} times its best (epoch {then.number}){errors}, "
        f"training loss {number(then.loss, 3)} -> {number(now.loss, 3)}",
        "stop and restore the best epoch"
        + ("; weight decay, dropout or more data can help" if rose else "; label smoothing limits the confidence"),
        {
            "validation ratio": ratio,
            "best epoch": then.number,
            "error then": then.val_error,
            "error now": now.val_error,
            "training loss": now.loss,
        },
        (STOP, REGULAR if rose else SMOOTH),
        since=then.step,
        curve="val_loss",
    )


def underfit(history: History, holding: Holding) -> Finding | None:
    """8 epochs and half of the run or more, less than 1 % gain per epoch over the last quarter, ml > 0.25 ch,
    rho > 0.9, u > 5e-4, a validation loss below 1.3 times the training loss, and no other cause."""
    loss, quality, update = history.loss, history.quality, history.update
    if loss is None or quality is None or update is None or len(history.epochs) < max(8, history.planned // 2):
        return None
    gain = history.fall(history.quarter)
    if gain >= 0.01 or loss <= 0.25 * history.level or quality <= 0.9 or update <= 5e-4:
        return None
    val_loss = history.epochs.recent[-1].val_loss if history.epochs.recent else None
    if val_loss is None or val_loss >= 1.3 * loss or blamed(_OTHERS, holding):
        return None
    if planned_share(history) < NEARLY_ZERO or history.solved:
        return None
    return Finding(
        "UNDERFIT",
        f"training loss {number(loss)} is {loss / history.level:.0%} of chance and falls by {gain:.1%} per epoch; "
        f"validation loss {number(val_loss)}",
        "too little capacity or label noise; the curves cannot tell which. Try a wider or deeper model or less weight "
        "decay; if the loss stays, check the labels",
        {"loss": loss, "chance": history.level, "fall an epoch": gain, "validation loss": val_loss},
        (WIDER, elsewhere("check the labels", "they are in the data: no setting of the run repairs them")),
        since=history.epochs.back(history.quarter).step,
        curve="train_loss",
    )


def stopped_too_soon(history: History, _holding: Holding) -> Finding | None:
    """At the end: a fall of more than 1 % per epoch over the last quarter, the best validation in the last 3 epochs,
    ml > 0.02 ch. A schedule that ends low brings such a fall about by itself, which says little where little is left.

    After early stopping, the best validation is that of the monitored metric. With a patience of 3 or more it is never
    in the last 3 epochs, so the rule does not contradict the user's own setting.
    """
    loss = history.loss
    if history.reason not in ("completed", "stopped", "early-stopped", "interrupted") or loss is None:
        return None
    slope = history.fall(history.quarter)
    if slope <= 0.01 or loss <= 0.02 * history.level:
        return None
    if history.solved and planned_share(history) < NEARLY_ZERO:
        return None
    early = history.reason == "early-stopped"
    best = _watched_best(history) if early else history.epochs.lowest_loss
    if best is None or best.number <= len(history.epochs) - 3:
        return None
    ended = len(history.epochs)
    more = max(math.ceil(ended / 2), 1)
    projected = loss * (1 - slope) ** more
    return Finding(
        "STOPPED_TOO_SOON",
        f"the training loss still fell by {slope:.1%} per epoch, best validation in epoch {best.number} of {ended}; at "
        f"this slope {more} more epoch{'' if more == 1 else 's'} would lower it from {number(loss, 3)} "
        f"to about {number(projected, 2)}",
        "increase the patience: tui-trainer resume RUN --patience N"
        if early
        else f"train longer: tui-trainer resume RUN --epochs {ended + more}",
        {"fall an epoch": slope, "best epoch": best.number, "more epochs": more, "loss": loss, "projected": projected},
        (PATIENCE if early else LONGER.model_copy(update={"value": str(ended + more)}),),
        "note",
        since=history.epochs.back(history.quarter).step,
        curve="train_loss",
    )


def _watched_best(history: History) -> EpochSeen | None:
    """Return the best epoch by the metric of early stopping; None if the history does not hold that metric."""
    if history.monitor == "val_loss":
        return history.epochs.lowest_loss
    return history.epochs.lowest_error if history.monitor in ("val_error", "val_accuracy") else None


_OTHERS = ORDER[: ORDER.index("UNDERFIT")]


def _error(history: History, best: Validated, newest: Validated) -> tuple[bool, str]:
    """Return whether the error rose by more than one sample since the best epoch, and both errors as text."""
    then, now = best.error, newest.error
    if then is None or now is None:
        return False, ""
    return now > then + 1 / max(history.validation_samples, 1), f", validation error {then:.1%} -> {now:.1%}"
