"""A dry run of a guard on the curves of a run, and the chart that marks its firings."""

from __future__ import annotations

from tui_trainer.guards.dry_run import DryRun, SeriesColumn, dry_run, measurements
from tui_trainer.guards.rule import GuardRule
from tui_trainer.guards.vocabulary import COUNTS, Clock, clock_of, series_of
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.labels.marker_lines import FORESEEN_SIGN
from tui_trainer.ui.charts.model import Area, ChartData, Curve, Layer, MarkerLine, Scale, Tick, blank
from tui_trainer.ui.charts.ranges import vertical_scale
from tui_trainer.ui.charts.ticks import short

_TICKS = 5


def preview(rule: GuardRule, state: RunState) -> DryRun:
    """Return the firings that a rule would have had on the curves of a run, as far back as they are kept exactly."""
    found = {name: state.series.get(_kept(name, clock_of(name))) for name in rule.metrics if name not in COUNTS}
    missing = tuple(name for name, series in found.items() if series is None or not (series.count or series.gap_count))
    columns = [
        _column(name, clock, series)
        for name in {"train_loss", *map(series_of, found)}
        for clock in (("steps", "epochs") if name == "train_loss" else (clock_of(name),))
        if (series := state.series.get(_kept(name, clock))) is not None
    ]
    since = max((series.steps[0] for series in found.values() if series is not None and _is_cut(series)), default=0)
    findings: dict[int, frozenset[str]] = {}
    present: frozenset[str] = frozenset()
    for event in sorted(state.findings.values(), key=lambda event: event.step):
        present = present | {event.finding} if event.active else present - {event.finding}
        findings[event.step] = present
    return DryRun(dry_run(rule, measurements(columns, state.steps_per_epoch, findings)), missing, since)


def known_metrics(state: RunState) -> set[str] | None:
    """Return the names of metrics that a rule may compare; None for the loop of a script, which may log any."""
    if state.capabilities is not None and not state.capabilities.built_in:
        return None
    metric = state.started.metric if state.started is not None else ""
    usual = {"train_loss", "val_loss", "lr", "grad_norm", *((f"train_{metric}", f"val_{metric}") if metric else ())}
    return usual | state.series.keys()


def guard_chart(rule: GuardRule, dry: DryRun, state: RunState, width: int, height: int) -> ChartData:
    """Draw the first metric that a rule compares, with a mark at each firing that would have been."""
    area = Area.of(width, height)
    name = next((name for name in rule.metrics if name not in COUNTS), "loss")
    clock: Clock = "epochs" if any(getattr(one, "clock", None) == "epochs" for one in rule.conditions) else "steps"
    series = state.series.get(_kept(name, clock if series_of(name) == "train_loss" else clock_of(name)))
    if series is None or series.count < 2:
        return blank(0, name, f"{name} was not measured yet")
    first, last = float(series.first_step), float(max(state.step, series.last_step))
    dots = area.columns * 2
    edges = [first + (last - first) * index / dots for index in range(dots + 1)]
    seen = [column for column in series.columns(edges) if column is not None]
    middle = tuple((column.first + column.last) / 2 for column in seen)
    role = "validation" if series_of(name).startswith("val_") else "train"
    curve = Curve(role, middle, tuple(column.low for column in seen), tuple(column.high for column in seen))
    places = [round(first + (last - first) * index / (_TICKS - 1)) for index in range(_TICKS)]
    ticks = tuple(Tick(at, short(at)) for at in dict.fromkeys(places))
    fired = [step for step in dry.steps if first <= step <= last]
    marks: list[Layer] = [MarkerLine("mark", "mark", float(step), FORESEEN_SIGN) for step in fired]
    return ChartData(
        0, name, Scale(first, last, ticks), vertical_scale([curve], area.rows, log=False), unit="step",
        layers=(curve, *marks),
    )  # fmt: skip


def _kept(name: str, clock: Clock) -> str:
    name = series_of(name)
    return MEAN_TRAIN_LOSS if name == "train_loss" and clock == "epochs" else name


def _column(name: str, clock: Clock, series: Series) -> SeriesColumn:
    lost = [(step, float(kind)) for step, kind in series.gaps]
    points = [*zip(series.steps, series.values, strict=True), *lost]
    return SeriesColumn(name, clock, sorted(points, key=lambda point: point[0]) if lost else points)


def _is_cut(series: Series) -> bool:
    """Return whether older values of a series are only kept in summary."""
    return bool(series.steps) and series.first_step < series.steps[0]
