"""Describe events in one line of text: for the log pane, the headless printer and the marks on the charts."""

from __future__ import annotations

from tui_trainer.components.schedulers.builtin import ImportedScheduler
from tui_trainer.components.schedulers.plan import NO_RATE, LrPlan
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Actor, Redo, RollBack, Stop, TakeRace, Undo
from tui_trainer.protocol.finding_titles import title_of, without_identifiers
from tui_trainer.protocol.guards.describe import describe_guards
from tui_trainer.protocol.knobs import KnobValue
from tui_trainer.protocol.race.words import describe_race, describe_trial, warned
from tui_trainer.text import number


def duration(seconds: float) -> str:
    """Format seconds as 8.0 s, 42 s, 3:07, 2:15:09 or 3 d 04:00."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes}:{rest:02d}"
    if hours < 48:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02d}:{minutes:02d}"


def size(count: float) -> str:
    """Format a number of bytes as 12 B, 3.4 kB or 120 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if round(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or round(count, 1) >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.0f} TB" if round(count, 1) >= 100 else f"{count:.1f} TB"


def asked_by(event: ev.Event) -> str:
    """Return " by NAME (KIND)" for an event that a command caused, empty for any other.

    " (SENDER)" for the program itself and for senders of earlier versions, which have no kind.
    """
    command = event.cause
    if command is None or not command.by:
        return ""
    return f" by {sender_text(command.by, command.actor)}" if command.actor else f" ({command.by})"


def sender_text(by: str, actor: Actor) -> str:
    """Return a sender with its kind: "ann (person)", "ann@box (pts/3, person)"; the name alone without a kind."""
    if not actor:
        return by
    return f"{by[:-1]}, {actor})" if by.endswith(")") else f"{by} ({actor})"


def epoch_line(event: ev.EpochEnded, epochs: int, *, rate: bool = True) -> str:
    """Describe an epoch in one line: its number, metrics and learning rate, and a star for the best so far.

    The numbers of single classes are left out: there may be hundreds.

    Args:
        rate: whether the learning rate is known.
    """
    width = len(str(epochs))
    parts = [f"epoch {event.epoch:>{width}}/{epochs}" if epochs else f"epoch {event.epoch}"]
    shown = {
        name: value for name, value in event.metrics.items() if not name.startswith("class/") and "/class/" not in name
    }
    parts += [f"{name} {number(value)}" for name, value in shown.items()]
    if rate:
        parts.append(f"lr {number(event.lr, 3)}")
    return "  ".join(parts) + ("  *" if event.is_best else "")


_SETTINGS = {
    "lr": "learning rate",
    "clip_grad_norm": "gradient clip",
    "patience": "patience",
    "min_delta": "minimum improvement",
    "early_stopping": "early stopping",
    "epochs": "epochs",
    "batch_size": "batch size",
}

_LETTERS = {"lr": "l", "clip_grad_norm": "g", "patience": "p", "min_delta": "p", "early_stopping": "p", "epochs": "E"}


def letter(event: ev.AnyEvent) -> str:
    """Return the letter of an event's mark on the charts, empty where it has none."""
    match event:
        case ev.SettingChanged():
            if event.name.startswith("lr/"):
                return "l"
            return _LETTERS.get(event.name, "?") if event.name != "batch_size" else ""
        case ev.SchedulerChanged():
            return "s"
        case ev.OptimizerChanged():
            return "o"
        case ev.RolledBack(cause=TakeRace()):
            return "f"
        case ev.RolledBack():
            return "b" if event.restored is None else "U" if event.restored.redone else "u"
        case ev.Noted():
            return "n"
        case ev.KnobChanged():
            return "k"
        case ev.ActionRun():
            return "a"
        case ev.StepSkipped():
            return "j"
        case ev.CheckpointSaved() if event.cause is not None:
            return "c"
        case ev.StatusChanged(status="stopping", cause=Stop(when=when)):
            return "e" if when == "epoch" else "x"
        case ev.StatusChanged(cause=Undo()):
            return "u"
        case ev.StatusChanged(cause=Redo()):
            return "U"
        case _:
            return ""


def reason_of(event: ev.Event) -> str:
    """Return "; because: REASON" for an event whose command gave a reason, empty for any other."""
    given = event.cause is not None and event.cause.because and not isinstance(event, ev.Refused)
    return f"; because: {event.cause.because}" if given and event.cause is not None else ""


def describe(event: ev.AnyEvent, *, reason: bool = True) -> str | None:
    """Describe an event in one line. Returns None for events that have no description, such as measurements.

    Args:
        reason: whether to add the reason that its command gave.
    """
    text = _text(event)
    return text + reason_of(event) if text is not None and reason else text


def _text(event: ev.AnyEvent) -> str | None:
    match event:
        case ev.RunStarted(device="", task="script"):
            return f"the script {event.title}"
        case ev.RunStarted(device=""):
            return f"log of another program, {event.title}"
        case ev.RunStarted():
            return f"{event.model} on {event.data}, {event.device}"
        case ev.StatusChanged():
            return (f"{event.status}: {event.detail}" if event.detail else event.status) + asked_by(event)
        case ev.SettingChanged():
            return f"{_setting(event)}{asked_by(event)}"
        case ev.SchedulerChanged():
            previous = f", was {event.previous}" if event.previous else ""
            return (
                f"schedule {event.plan.scheduler.label()}, starting at lr {number(event.lr)}{previous}{asked_by(event)}"
            )
        case ev.OptimizerChanged():
            previous = f", was {event.previous}" if event.previous else ""
            previous += f"; averages {event.averages}" if event.averages else ""
            return f"optimizer {event.optimizer.label()} with lr {number(event.lr)}{previous}{asked_by(event)}"
        case ev.CheckpointSaved():
            detail = f", {event.detail}" if event.detail else ""
            return f"saved checkpoint {event.name} (epoch {event.epoch}, {size(event.bytes)}{detail}){asked_by(event)}"
        case ev.SavingFailed():
            return f"NOT SAVED: {event.what}: {event.error}" if event.error else f"saving has recovered: {event.what}"
        case ev.RolledBack(restored=None, saved_at=int() as saved, cause=RollBack(steps=int())):
            back = event.step - saved
            return f"rolled back {back:,} step{'s' if back != 1 else ''}, to step {saved:,}{asked_by(event)}"
        case ev.RolledBack(restored=None):
            return f"rolled back to checkpoint {event.to} (epoch {event.from_epoch}){asked_by(event)}"
        case ev.RolledBack(cause=TakeRace()):
            return f"took {event.to}; continues from step {event.step:,}{asked_by(event)}"
        case ev.RolledBack(restored=ev.Restored(redone=True)):
            return f"redone: {_undone_setting(event.to)}; continues from step {event.step:,}{asked_by(event)}"
        case ev.RolledBack(saved_at=int() as left):
            return f"undone: {_undone_setting(event.to)}; weights and settings of step {left:,}{asked_by(event)}"
        case ev.RolledBack():
            return f"undone: {_undone_setting(event.to)}; back at step {event.step:,}{asked_by(event)}"
        case ev.Diagnosed(again=True) | ev.Diagnosed(active=False):
            return None
        case ev.Diagnosed():
            return f"{title_of(event)}: {event.likely_cause or without_identifiers(event.evidence)}"
        case ev.KnobChanged():
            unit = f" {event.unit}" if event.unit else ""
            detail = f", {event.detail}" if event.detail else ""
            return (
                f"{event.name} {_knob(event.value)}{unit}, was {_knob(event.previous)}{unit}{detail}{asked_by(event)}"
            )
        case ev.ActionRun():
            return f"{event.name} took {duration(event.seconds)}{asked_by(event)}"
        case ev.GuardsChanged():
            return describe_guards(event)
        case ev.StepSkipped():
            return f"step {event.step + 1:,} not taken: batch {event.batch} of epoch {event.epoch}{asked_by(event)}"
        case ev.WheelChanged():
            return _wheel(event)
        case ev.RateFound():
            return _found_rate(event) + asked_by(event)
        case ev.Raced():
            return describe_race(event, duration, size) + asked_by(event)
        case ev.StepTried():
            return describe_trial(event) + asked_by(event)
        case ev.RaceDecided():
            return f"none of the race was taken{asked_by(event)}"
        case ev.PictureTaken() if event.cause is not None:
            numbers = "  ".join(f"{name} {number(value)}" for name, value in event.numbers.items() if "/" not in name)
            return f"answers at step {event.step:,}: {numbers}".rstrip(": ") + asked_by(event)
        case ev.Noted():
            return f"note: {event.text}{asked_by(event)}"
        case ev.Refused():
            return f"refused: {event.reason}"
        case ev.Scalars() if is_test(event):
            metrics = "  ".join(f"{name} {number(column[-1])}" for name, column in event.values.items() if column)
            return f"test split, measured at the end: {metrics}"
        case ev.Scalars() if event.cause is not None:
            metrics = "  ".join(f"{name} {number(column[-1])}" for name, column in event.values.items() if column)
            return f"validated at step {event.step}: {metrics}{asked_by(event)}"
        case ev.RunFinished():
            on_disk = f"; on disk: {event.saved}" if event.saved else ""
            return (f"{event.reason}: {event.detail}" if event.detail else event.reason) + on_disk
        case _:
            return None


def _found_rate(event: ev.RateFound) -> str:
    price = f"{event.steps} steps, about {duration(event.seconds)}, a copy of {size(event.bytes)}"
    if event.priced:
        return f"find the rate: {price}; then the run goes on from where it was{warned(event.warning)}"
    if event.steepest is None or event.tenth is None:
        return f"no clear learning rate: {event.unclear}"
    proposed = f"{number(event.proposed, 3)}; " if event.proposed is not None else ""  # None in earlier journals
    marks = f"steepest descent at {number(event.steepest, 3)}, a tenth of the minimum {number(event.tenth, 3)}"
    return f"learning rate: {proposed}{marks}" + (f"; {event.unclear}" if event.unclear else "")


def _wheel(event: ev.WheelChanged) -> str:
    if not event.holder:
        ended = {
            "given": f"{event.previous} gave it",
            "gone": f"the screen of {event.previous} is gone",
            "over": f"the time of {event.previous} is over",
        }
        return f"the wheel is free: {ended.get(event.how, event.previous)}"
    previous = f" from {event.previous}" if event.previous else ""
    seconds = f" for {duration(event.seconds)}" if event.seconds is not None else ""
    return f"{sender_text(event.holder, event.actor)} took the wheel{previous}{seconds}"


def _undone_setting(command: str) -> str:
    """Return the words for a command that was undone: "rate" for "set lr"."""
    name = command.removeprefix("set ")
    return {"lr": "rate", "epochs": "number of epochs"}.get(name, name)


def is_test(event: ev.AnyEvent) -> bool:
    """Return whether an event holds the metrics of the test split."""
    return (
        isinstance(event, ev.Scalars) and bool(event.values) and all(name.startswith("test_") for name in event.values)
    )


def _knob(value: KnobValue) -> str:
    """Return the value of a control as text."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else number(value)


def _setting(event: ev.SettingChanged) -> str:
    name = _SETTINGS.get(event.name, event.name)
    if event.name.startswith("lr/"):
        name = f"learning rate of {event.name.removeprefix('lr/')}"
    if event.name == "early_stopping":
        return f"{name} {'on' if event.value else 'off'}"
    if event.name == "clip_grad_norm":
        return f"{name} {number(event.value or None)}, was {number(event.previous or None)}".replace(" -", " off")
    rates = coming_rates(event.plan, event.step) if event.name == "epochs" and event.plan is not None else ""
    return f"{name} {number(event.value)}, was {number(event.previous)}{rates and '; ' + rates}"


def coming_rates(plan: LrPlan, step: int) -> str:
    """Say the learning rate of the steps that follow, and what to do if they have none; empty if it is not known."""
    if plan.scheduler.watches or (
        isinstance(plan.scheduler, ImportedScheduler | ScriptSchedule) and plan.sampled_curve is None
    ):
        return ""
    now, highest, last = plan.coming_rates(step)
    if highest <= NO_RATE * plan.base:
        return (
            f"the schedule leaves a learning rate of {number(highest, 3)} for the rest: set a rate "
            "(set-lr value=RATE) or another schedule (set-scheduler kind=... base=RATE)"
        )
    return f"learning rate {number(now, 3)} now, {number(last, 3)} at the end"
