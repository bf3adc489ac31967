"""Read a run folder for an export: measurements as columns, everything else as a history keeps it."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Redo, Undo
from tui_trainer.protocol.describe import describe, duration, letter, sender_text
from tui_trainer.runs.comparing.flat_config import flat_config
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import AROUND, Done, ExportedRun, all_steps
from tui_trainer.runs.history import TEST_PREFIX, RunHistory, usual_first
from tui_trainer.runs.journal import read_events
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.state.series_names import LOADS, group_of
from tui_trainer.text import number, visible


class _Columns:
    """The measurements of a journal as columns; its other events as a history.

    A run of a million steps is read into a few arrays this way, where the rows of a history take a gigabyte. A run with
    an undo goes into the history alone, which knows what an undo removes.
    """

    def __init__(self) -> None:
        self.history = RunHistory()
        self.curves: dict[str, StepCurve] = {}
        self.seconds = StepCurve()
        self.empty_rows: list[int] = []
        self.findings: dict[str, ev.Diagnosed] = {}
        self.pictures: dict[str, ev.PictureTaken] = {}
        self.went_back = False

    def read(self, journal: Path) -> None:
        for event in read_events(journal):
            if isinstance(event, ev.RolledBack) and event.restored is not None:
                by_script = event.saved_at is not None and isinstance(event.cause, Undo | Redo)
                self.went_back = self.went_back or not by_script
            if not self.went_back:
                self._measure(event)
        if self.went_back:
            self._read_all(journal)
        self._sort()

    def _read_all(self, journal: Path) -> None:
        self.history = RunHistory()
        for event in read_events(journal):
            self._keep(event)
            self.history.add(event)
        self.curves.clear()
        self.seconds = StepCurve()
        for step in sorted(self.history.rows):
            for name, value in self.history.rows[step].items():
                self._add(name, [step], [value], {})
            if step in self.history.seconds:
                self.seconds.put(step, self.history.seconds[step])
        self.empty_rows = list(self.history.rows)

    def _keep(self, event: ev.AnyEvent) -> None:
        match event:
            case ev.RunStarted(step=0):
                self.findings.clear()
            case ev.Diagnosed(active=True):
                self.findings[event.finding] = event
            case ev.Diagnosed():
                self.findings.pop(event.finding, None)
            case ev.PictureTaken(cause=None):
                self.pictures[event.name] = event
            case _:
                pass

    def _measure(self, event: ev.AnyEvent) -> None:
        self._keep(event)
        match event:
            case ev.Scalars():
                if group_of(next(iter(event.values), "")) in LOADS:
                    return
                for name, values in event.values.items():
                    self._add(name, event.steps, values, event.not_finite.get(name, {}))
                _put(self.seconds, event.steps, event.seconds, {})
                if event.cause is not None or all(name.startswith("val_") for name in event.values):
                    self.history.add(event)
            case ev.EpochEnded():
                for name, value in event.metrics.items():
                    if name != "train_loss":
                        self._add(name, [event.step], [value], {})
                self.seconds.put(event.step, event.seconds)
                self.empty_rows.append(event.step)
            case ev.LayersMeasured():
                for name, layer in event.layers.items():
                    for measure in ("grad_norm", "update_ratio"):
                        value = getattr(layer, measure)
                        if value is not None:
                            self._add(f"{measure}/{name}", [event.step], [value], {})
                self.empty_rows.append(event.step)
            case ev.RunStarted():
                # The test split is measured at the end of a run, and this was not its end.
                for name in [name for name in self.curves if name.startswith(TEST_PREFIX)]:
                    self.empty_rows += self.curves.pop(name).steps
                self.history.add(event)
            case _:
                self.history.add(event)

    def _add(self, name: str, steps: list[int], values: Sequence[float | None], lost: Mapping[int, str]) -> None:
        _put(self.curves.setdefault(name, StepCurve()), steps, values, lost)

    def _sort(self) -> None:
        self.seconds = _known(self.seconds)
        for curve in (self.seconds, *self.curves.values()):
            curve.sort()


def _put(curve: StepCurve, steps: Sequence[int], values: Sequence[float | None], lost: Mapping[int, str]) -> None:
    if len(steps) == 1 and values[0] is not None:
        curve.put(steps[0], values[0])
    else:
        curve.extend(steps, values, lost)


def _known(seconds: StepCurve) -> StepCurve:
    """Return the times without those that are not known."""
    if not any(value != value for value in seconds.values):
        return seconds
    pairs = [(step, value) for step, value in zip(seconds.steps, seconds.values, strict=True) if value == value]
    return StepCurve(array("q", [step for step, _ in pairs]), array("d", [value for _, value in pairs]))


def read_own_run(info: RunInfo) -> ExportedRun:
    """Read one run folder. Raises `OSError`."""
    path = Path(info.path)
    columns = _Columns()
    if (path / "events.jsonl").exists():
        columns.read(path / "events.jsonl")
    history = columns.history
    curves = {name: columns.curves[name] for name in usual_first(columns.curves)}
    steps = all_steps(iter([*curves.values(), StepCurve(array("q", sorted(set(columns.empty_rows))))]))
    started = history.started
    settings = {visible(key): value for key, value in flat_config(path).items()}
    lesson = {key.removeprefix("lesson."): settings.pop(key) for key in list(settings) if key.startswith("lesson.")}
    return ExportedRun(
        name=visible(info.name),
        title=visible(started.title if started is not None else ""),
        preset=visible(info.preset),
        curves={visible(name): curve for name, curve in curves.items()},
        seconds=columns.seconds,
        steps=steps,
        steps_per_epoch=max(started.steps_per_epoch, 1) if started is not None else 1,
        lengths=history.lengths,
        started=info.started or (started.at if started is not None else ""),
        done=_done(history, curves.get("train_loss", StepCurve())),
        facts=_facts(info, started, columns.seconds),
        settings={key: value for key, value in settings.items() if key not in ("title", "summary", "pictures")},
        summary=visible(str(settings.get("summary", ""))),
        lesson=lesson,
        findings=list(columns.findings.values()),
        pictures=list(columns.pictures.values()),
    )


def _done(history: RunHistory, losses: StepCurve) -> list[Done]:
    return [
        Done(
            step=step,
            what=visible(describe(event, reason=False) or type(command).__name__),
            letter=letter(event),
            by=visible(sender_text(command.by, command.actor)),
            because=visible(command.because),
            before=losses.mean(step - AROUND + 1, step),
            after=losses.mean(step + 1, step + AROUND),
        )
        for (step, command), event in zip(history.interventions, history.events, strict=True)
    ]


def _facts(info: RunInfo, started: ev.RunStarted | None, seconds: StepCurve) -> dict[str, str]:
    best = info.best
    facts = {
        "ended": f"{info.status}: {info.reason}" if info.reason else info.status,
        "steps": f"{info.step:,} in {info.epoch:,} epochs",
        "trained for": duration(seconds.values[-1]) if len(seconds) else "",
        "best": f"{best['metric']} {number(best['value'])} in epoch {best['epoch']}" if best else "",
        "preset": info.preset,
        "model": f"{started.model}, {started.parameters:,} parameters" if started is not None and started.model else "",
        "data": started.data if started is not None else "",
        "device": started.device if started is not None else "",
        "started": info.started,
        "note": info.kept.note,
        "tags": ", ".join(info.kept.tags),
    }
    return {name: visible(text) for name, text in facts.items() if text}
