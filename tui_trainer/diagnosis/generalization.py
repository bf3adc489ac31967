"""Rules about how well the data are fitted, and when to stop."""

from __future__ import annotations

import math

from tui_trainer.diagnosis.epochs import EpochSeen, Validated
from tui_trainer.diagnosis.findings import ORDER, Finding, Holding, blamed
from tui_trainer.diagnosis.history import History
from tui_trainer.protocol.describe import number

RATIO = 1.10
"""How far above its best the validation loss has to be, at least."""
PAST_BEST = 5
"""Epochs that have to lie between the best one and now."""


def overfit(history: History, holding: Holding) -> Finding | None:
    """s = running median of 3 validation losses; 5 epochs past its best b; s > max(1.10, 1 + 3/sqrt(n)) s_b;
    ml < 0.9 ml_b; s > ml."""
    del holding
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
    kind = "overfit" if rose or not errors else "confidence overfit: surer, not more often wrong"
    return Finding(
        "OVERFIT",
        f"{kind}; validation loss {number(ratio, 3)} times its best of epoch {then.number}{errors}, "
        f"training loss {number(then.loss, 3)} -> {number(now.loss, 3)}",
        "stop and go back to the best epoch (e)"
        + ("; against it: weight decay, dropout, more data" if rose else "; label smoothing bounds the confidence"),
        {
            "validation ratio": ratio,
            "best epoch": then.number,
            "error then": then.val_error,
            "error now": now.val_error,
            "training loss": now.loss,
        },
        "e",
    )


def underfit(history: History, holding: Holding) -> Finding | None:
    """8 epochs or more, less than 1 % gain an epoch over the last quarter, ml > 0.25 ch, rho > 0.9, u > 5e-4, a
    validation loss below 1.3 times the training loss, and no other cause."""
    loss, quality, update = history.loss, history.quality, history.update
    if loss is None or quality is None or update is None or len(history.epochs) < 8:
        return None
    gain = history.fall(history.quarter)
    if gain >= 0.01 or loss <= 0.25 * history.level or quality <= 0.9 or update <= 5e-4:
        return None
    val_loss = history.epochs.recent[-1].val_loss if history.epochs.recent else None
    if val_loss is None or val_loss >= 1.3 * loss or blamed(_OTHERS, holding):
        return None
    return Finding(
        "UNDERFIT",
        f"training loss {number(loss)} is {loss / history.level:.0%} of chance and falls {gain:.1%} an epoch; "
        f"validation {number(val_loss)}",
        "capacity or label noise: the curves cannot tell which. Try a wider or deeper model or less weight decay; "
        "if that does not lower it, look at the labels",
        {"loss": loss, "chance": history.level, "fall an epoch": gain, "validation loss": val_loss},
    )


def stopped_too_soon(history: History, holding: Holding) -> Finding | None:
    """At the end: a fall of more than 1 % an epoch over the last quarter, the best validation in the last 3 epochs,
    ml > 0.02 ch.

    Of a run that early stopping ended the best validation is that of the metric which it watched: with a patience of
    3 or more it was waited for as long as was asked, however the loss went on.
    """
    del holding
    loss = history.loss
    if history.reason not in ("completed", "stopped", "early-stopped", "interrupted") or loss is None:
        return None
    slope = history.fall(history.quarter)
    if slope <= 0.01 or loss <= 0.02 * history.level:
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
        f"the training loss still fell {slope:.1%} an epoch, best validation in epoch {best.number} of {ended}; at "
        f"this slope {more} more epochs lead from {number(loss, 3)} to about {number(projected, 2)}",
        "more patience: tui-trainer resume RUN --patience N; while it trains, set it (p)"
        if early
        else f"half as many again: tui-trainer resume RUN --epochs {ended + more}; while it trains, make it longer (E)",
        {"fall an epoch": slope, "best epoch": best.number, "more epochs": more, "loss": loss, "projected": projected},
        "p" if early else "E",
        "note",
    )


def _watched_best(history: History) -> EpochSeen | None:
    """The best epoch by the metric that early stopping watched; None where that one is not looked at here."""
    if history.monitor == "val_loss":
        return history.epochs.lowest_loss
    return history.epochs.lowest_error if history.monitor in ("val_error", "val_accuracy") else None


_OTHERS = ORDER[: ORDER.index("UNDERFIT")]


def _error(history: History, best: Validated, newest: Validated) -> tuple[bool, str]:
    """Whether the error rose since the best epoch, by more than a sample, and both in words."""
    then, now = best.error, newest.error
    if then is None or now is None:
        return False, ""
    return now > then + 1 / max(history.validation_samples, 1), f", validation error {then:.1%} -> {now:.1%}"
