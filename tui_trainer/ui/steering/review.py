"""Review a change before it acts: the difference to what is in force, a question, or the reason of a refusal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from tui_trainer.components.base import Component
from tui_trainer.components.optimizers.base import Optimizer
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.optimizers.settings import with_named
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.protocol import commands as cmd
from tui_trainer.state.run_state import RunState
from tui_trainer.text import number
from tui_trainer.ui.forms.model_fields import written

LARGE_FACTOR = 100.0
"""Factor on the learning rate above which, or below whose inverse, the user is asked."""
ADAM_FAMILY = frozenset(("adam", "adamw", "nadam", "radam"))
"""Optimizers that keep the same averages, which the trainer carries over between them."""
ARROW = "→"


@dataclass(frozen=True, slots=True)
class Review:
    """The effect of a change that a form describes.

    Attributes:
        change: the difference to what is in force, in one line; empty where nothing changes.
        question: what is to be confirmed once; empty where nothing is.
        error: the reason why the trainer would refuse; empty where it would not.
    """

    change: str = ""
    question: str = ""
    error: str = ""


NOTHING = Review()


def difference(name: str, before: str, after: str) -> str:
    """Return "name before → after", empty where both are the same."""
    return f"{name} {before} {ARROW} {after}" if before != after else ""


def factor_question(rate: float, in_force: float) -> str:
    """Return the question about a rate that is more than 100 times larger or smaller than the one in force."""
    if not in_force or not rate:
        return ""
    factor = rate / in_force
    if 1 / LARGE_FACTOR <= factor <= LARGE_FACTOR * (1 + 1e-9):
        return ""
    times = f"{_rounded(factor)} times" if factor > 1 else f"1/{_rounded(1 / factor)} of"
    return f"{times} the rate in force"


def _rounded(factor: float) -> str:
    """Return a large factor in two digits that can be read: 120, 12,000, 12 million, 3e+15."""
    for size, name in ((1e12, ""), (1e9, " billion"), (1e6, " million")):
        if factor >= size:
            return f"{factor:.1e}" if not name else f"{factor / size:.3g}{name}"
    return f"{float(f'{factor:.2g}'):,.0f}"


def review_rate(state: RunState, command: cmd.SetLearningRate) -> Review:
    """Review a new learning rate."""
    if state.optimizer is not None and not state.optimizer.rate_matters and state.step > 0:
        return Review(error=f"{state.optimizer.kind} ignores the learning rate after the first step")
    if command.value is None and not state.lr:
        return Review(error="the present rate is 0: enter a rate, not a factor")
    rate = command.value if command.value is not None else state.lr * (command.factor or 1.0)
    if rate == state.lr:
        return NOTHING
    plan = "; the schedule continues from it" if state.plan is not None else ""
    change = f"rate {number(state.lr)} {ARROW} {number(rate)}{plan}"
    return Review(change, factor_question(rate, state.lr))


def review_clip(state: RunState, command: cmd.SetClip) -> Review:
    """Review a new largest gradient norm."""
    if command.value and state.optimizer is not None and state.optimizer.needs_closure:
        return Review(error=f"{state.optimizer.kind} compares gradients within a step and cannot be clipped")
    return Review(difference("gradient clip", _clip(state.clip_grad_norm), _clip(command.value)))


def _clip(value: float) -> str:
    return number(value) if value else "off"


def review_epochs(state: RunState, command: cmd.SetEpochs) -> Review:
    """Review a new number of epochs, with the refusals of the trainer."""
    epochs = command.value if command.value is not None else state.epochs + (command.add or 0)
    least = state.epoch + 1
    if epochs == state.epochs:
        return NOTHING
    if epochs < least:
        return Review(error=f"epoch {least} is in progress: enter at least {least}")
    schedule = "; the rest of the schedule is stretched" if epochs > state.epochs else "; the schedule is shortened"
    spans = state.plan is not None and state.plan.scheduler.spans_run
    return Review(f"epochs {state.epochs} {ARROW} {epochs}{schedule if spans else ''}")


def review_fields(before: Iterable[tuple[str, Any]], after: Iterable[tuple[str, Any]]) -> Review:
    """Review the fields of two models of one class."""
    known = dict(before)
    changes = [difference(name, written(known.get(name)), written(value)) for name, value in after]
    return Review(", ".join(change for change in changes if change))


def review_scheduler(state: RunState, chosen: Scheduler, base: float | None) -> Review:
    """Review another schedule, which begins at `base`, or at the rate in force where that is None."""
    plan = state.plan
    begin = base or state.lr
    if begin <= 0:
        return Review(error="the present rate is 0: enter an initial rate")
    if plan is None:
        return Review(f"schedule {chosen.label()}, from {number(begin)}")
    if chosen == plan.scheduler and base is None:
        return NOTHING
    if chosen == plan.scheduler:
        name = f"schedule {chosen.label()} begins again"
    else:
        name = difference("schedule", plan.scheduler.label(), chosen.label())
        name = name if chosen.kind != plan.scheduler.kind else _settings(plan.scheduler, chosen)
    rate = f", rate {number(state.lr)} {ARROW} {number(begin)}" if base is not None else f", from {number(begin)}"
    return Review(name + rate, factor_question(begin, state.lr))


def review_optimizer(state: RunState, chosen: Optimizer) -> Review:
    """Review another optimizer, or other settings of the same one."""
    present = state.optimizer
    if chosen.needs_closure and state.clip_grad_norm:
        return Review(error=f"{chosen.kind} cannot step with clipped gradients: switch the clip off first")
    rate = difference("rate", number(state.lr), number(chosen.lr))
    question = factor_question(chosen.lr, state.lr)
    if present is None:
        return Review(f"optimizer {chosen.label()}")
    kept = present.kind == chosen.kind or {present.kind, chosen.kind} <= ADAM_FAMILY
    if present.kind != chosen.kind:
        state_text = f"{_memory(present)} kept" if kept else f"the state of {present.kind} is dropped"
        parts = [difference("optimizer", present.kind, chosen.kind), rate, state_text]
        return Review(", ".join(part for part in parts if part), question)
    others = _settings(present, chosen, leave_out=("lr",))
    changes = ", ".join(part for part in (rate, others) if part)
    return Review(f"{changes}; {_memory(chosen)} kept", question) if changes else NOTHING


def carried_over(kind: type[Optimizer], present: AnyOptimizer | None, rate: float) -> Optimizer | None:
    """Return an optimizer of another kind with the rate in force and the settings that the trainer would keep.

    None where there is no rate or no optimizer to start from: the form then starts from the defaults of the kind.
    """
    if present is None or rate <= 0:
        return None
    return with_named(present, cast("AnyOptimizer", kind.model_validate({})), (), rate)


def _memory(optimizer: Optimizer) -> str:
    """Return the state that an optimizer carries along, in a few words with a verb."""
    if "adam" in optimizer.kind:
        return f"{optimizer.kind}'s averages are"
    return "its state is"


def _settings(before: Component, after: Component, leave_out: tuple[str, ...] = ()) -> str:
    known = dict(before)
    changes = [
        difference(name, written(known.get(name)), written(value)) for name, value in after if name not in leave_out
    ]
    return ", ".join(change for change in changes if change)
