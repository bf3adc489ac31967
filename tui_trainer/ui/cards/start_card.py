"""The card while a run starts: the parts that its configuration names, the coming rate, and the last result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.describe import duration, number
from tui_trainer.runs.label import label
from tui_trainer.runs.run_list import Announced, Launching
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, padded, visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.cards.recent_runs import RecentRun, recent_runs
from tui_trainer.ui.cards.result import metric_name, shown_value
from tui_trainer.ui.icons import PLAIN, Icons
from tui_trainer.ui.render.sparkline import sparkline

NAME_WIDTH = 11
"""Cells of the names at the left."""
RATE_POINTS = 60
"""Points of the coming rate."""
STEPS_PER_EPOCH = 100
"""Steps of an epoch in the picture of the coming rate: the true number is known once the data are loaded."""
CURVE = 24
"""Most cells of a sparkline."""


@dataclass(frozen=True, slots=True)
class StartFacts:
    """All that is known of a run before it trains.

    Attributes:
        title, model, data, optimizer, schedule: the parts of the configuration, each in a few words.
        epochs: epochs to train.
        lr: the base rate.
        rates: the coming rate, from the first step to the last.
        metric: the metric of the last run that decides.
        last: the last finished run of the preset.
    """

    title: str = ""
    model: str = ""
    data: str = ""
    optimizer: str = ""
    schedule: str = ""
    epochs: int = 0
    lr: float = 0.0
    rates: tuple[float, ...] = ()
    metric: str = ""
    last: RecentRun | None = None


def announced_run(session: Session, state: RunState | None) -> Announced | None:
    """Return what is known of the run that starts: the selected one, else the first; None for a host that had begun."""
    announced = session.announced if isinstance(session, Launching) else ()
    name = state.run if state is not None else ""
    return next((run for run in announced if run.name == name), announced[0] if announced else None)


def start_facts(run: Announced) -> StartFacts:
    """Read the configuration of a run, and the last result of its preset. Reads the disk: call it in a thread."""
    from tui_trainer.config.run_config import RunConfig

    config = RunConfig.model_validate(run.config)
    if config.drill is not None:  # the settings would give the cause away
        return StartFacts(title=run.title or run.preset)
    folder = os.path.dirname(run.path)
    directory = os.path.dirname(folder) if "/" in run.name else folder
    found = [] if "/" in run.name else recent_runs(Path(directory), run.preset, run.name, wanted=1)
    last = found[0] if found else None
    return StartFacts(
        title=run.title or run.preset,
        model=config.model.label(),
        data=config.data.label(),
        optimizer=config.optimizer.label(),
        schedule=config.scheduler.label(),
        epochs=config.training.epochs,
        lr=config.optimizer.lr,
        rates=coming_rates(config),
        metric=deciding_metric_of(last),
        last=last,
    )


def coming_rates(config: object) -> tuple[float, ...]:
    """Return the planned rate, empty for a schedule that only the host can compute."""
    scheduler, optimizer, training = (getattr(config, name) for name in ("scheduler", "optimizer", "training"))
    if scheduler.kind == "import":
        return ()
    end = training.epochs * STEPS_PER_EPOCH
    plan = LrPlan.begin(scheduler, optimizer.lr, step=0, end=end, steps_per_epoch=STEPS_PER_EPOCH)
    return tuple(plan.rate(k * (end - 1) // (RATE_POINTS - 1)) for k in range(RATE_POINTS))


def deciding_metric_of(run: RecentRun | None) -> str:
    """Return the metric that decides: one of validation that is no loss, else a loss."""
    if run is None:
        return ""
    names = [name for name in run.metrics if name.startswith("val_") and name != "val_loss"]
    return next((name for name in (*names, "val_loss", "train_loss") if run.metrics.get(name)), "")


class StartCard:
    """Reads the facts of one run after another in a thread, and writes them as lines."""

    def __init__(self) -> None:
        self._name = ""
        self._call: BackgroundCall[StartFacts] | None = None
        self._facts: StartFacts | None = None

    def lines(self, run: Announced | None, width: int, height: int, icons: Icons) -> list[Content]:
        """Return at most `height` lines about a run; its name alone until the facts have been read."""
        if run is None or height < 1:
            return []
        if run.name != self._name:
            self._name, self._facts = run.name, None
            self._call = BackgroundCall(lambda: start_facts(run))
        if self._call is not None and self._call.done:
            try:
                self._facts = self._call.result()
            except Exception:  # noqa: BLE001 - the card is a courtesy: a start says itself what is wrong
                self._facts = StartFacts(title=run.title or run.preset)
            self._call = None
        facts = self._facts or StartFacts(title=run.title or run.preset)
        return [line.truncate(width, ellipsis=True) for line in start_lines(facts, width, icons)[:height]]


def start_lines(facts: StartFacts, width: int, icons: Icons) -> list[Content]:
    """Write facts as lines, the most important first."""
    cells = min(CURVE, max(width - NAME_WIDTH - 30, 8))
    lines = [Content.styled(visible(facts.title), "bold")] if facts.title else []
    if facts.last is not None and facts.metric:
        values = facts.last.metrics[facts.metric]
        name = "" if facts.metric == "val_accuracy" else f"{metric_name(facts.metric)} "
        reached = f"{name}{shown_value(facts.metric, values[-1])} in {duration(facts.last.seconds)}"
        when = label(facts.last.info.shown, facts.last.info.started).rpartition(" · ")[2]
        curve = sparkline(values, cells, icons is PLAIN)
        lines.append(_line("last time", (f"{curve} ", "$muted"), (reached, "bold"), (f" {icons.dot} {when}", "$muted")))
    if facts.schedule:
        curve = sparkline(facts.rates, cells, icons is PLAIN) + " " if facts.rates else ""
        text = f"{number(facts.lr)}, {facts.schedule}, {facts.epochs} epochs"
        lines.append(_line("rate", (curve, "$secondary"), visible(text)))
    parts = (("model", facts.model), ("data", facts.data), ("optimizer", facts.optimizer))
    return [*lines, *(_line(name, visible(cut(text, 500))) for name, text in parts if text)]


def _line(name: str, *parts: str | tuple[str, str]) -> Content:
    return Content.assemble((padded(name, NAME_WIDTH), "$muted"), *parts)
