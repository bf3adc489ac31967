"""The card at the end of a run or a set: the verdict, its curve beside earlier ones, remarks, and the next keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.diagnosis.forecast.of_run import gain_line
from tui_trainer.protocol.describe import duration
from tui_trainer.runs.label import label, short_name
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.text import cut, padded, visible, wrapped
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason
from tui_trainer.ui.cards.ranking import Ranked, Ranking
from tui_trainer.ui.cards.recent_runs import RecentRun
from tui_trainer.ui.cards.result import deciding_metric, result_of, shown_value, verdict
from tui_trainer.ui.icons import PLAIN, STATE_STYLES, Icons
from tui_trainer.ui.panels.panel import fitted
from tui_trainer.ui.panels.progress import failed_midway, resume_point
from tui_trainer.ui.panels.summary import end_reason
from tui_trainer.ui.render.sparkline import sparkline

MOST_REMARKS = 2
"""Most closing findings."""
CURVE = 20
"""Most cells of a sparkline."""
NAME_WIDTH = 34
"""Most cells of the name of a run beside its sparkline."""

NEXT_KEYS = (
    ("resume_run", "more epochs"),
    ("anew", "again with changes"),
    ("compare", "compare"),
    ("quit", "leave"),
    ("back", "look around"),
)
"""The actions that the card offers, with their words there."""


def headline(state: RunState, icons: Icons) -> Content:
    """Return the verdict in one line, with the reason of the end where it is not that all epochs are trained."""
    result = result_of(state)
    style = STATE_STYLES.get(state.status, "")
    sign = f"{icons.state(state.status)} "
    if result is None:
        return Content.styled(sign + end_reason(state), style)
    word = "Stopped" if state.reason == "stopped" else "Finished" if state.status == "finished" else "Failed"
    reason = end_reason(state).split("; ")[0]  # the best value and what is on disk stand in lines of their own
    text = f" {icons.dot} {reason.removeprefix('stopped ') if word == 'Stopped' else reason}"
    return Content.assemble((f"{sign}{word}: ", style), (verdict(result), "bold"), (text, "$muted"))


def end_card(
    state: RunState,
    width: int,
    icons: Icons,
    keymap: Keymap,
    context: ActionContext,
    recent: Sequence[RecentRun] = (),
    remarks: Sequence[str] = (),
) -> Content:
    """Return the card of one run.

    Args:
        state: the run.
        width: cells of a line.
        icons: the symbols to draw with.
        keymap: the user's keys.
        context: decides which keys are offered.
        recent: finished runs of the same preset.
        remarks: closing findings.
    """
    lines = [headline(state, icons), *curves(state, recent, width, icons)]
    if gain := gain_line(state):
        lines.append(Content.styled(f"{icons.dot} {gain}", "$secondary"))
    lines += [Content.styled(f"{icons.dot} {visible(remark)}", "$warning") for remark in remarks[:MOST_REMARKS]]
    if failed_midway(state):
        lines.append(Content.styled(f"{icons.dot} it can be resumed {resume_point(state)}", "$warning"))
    if state.started is not None and state.started.path:
        lines.append(Content.assemble(("saved in ", "$muted"), visible(state.started.path)))
    lines.append(keys(keymap, context, width))
    return _joined(lines, width, icons)


def curves(state: RunState, recent: Sequence[RecentRun], width: int, icons: Icons) -> list[Content]:
    """Return a line with value and sparkline for the run and for each earlier one; none without earlier ones."""
    metric = deciding_metric(state)
    recorded = "train_loss" if metric == MEAN_TRAIN_LOSS else metric  # the name in the events
    rows = [(run, run.metrics[recorded]) for run in recent if run.metrics.get(recorded)]
    result = result_of(state)
    if not rows or result is None:
        return []
    names = ["this run", *(visible(label(run.info.shown, run.info.started)).replace("·", icons.dot) for run, _ in rows)]
    room = min(max(len(name) for name in names), NAME_WIDTH, max(width - 30, 8))
    if any(len(name) > room for name in names):
        names = ["this run", *(visible(short_name(run.info.shown)) for run, _ in rows)]
    cells = min(CURVE, max(width - room - 24, 0))
    values = [result.last, *(curve[-1] for _, curve in rows)]
    drawn = [list(state.series[metric].values), *(curve for _, curve in rows)]
    spent = [result.seconds, *(run.seconds for run, _ in rows)]
    lines: list[Content] = []
    for k, name in enumerate(names):
        line = sparkline(drawn[k], cells, icons is PLAIN)
        style = "bold" if not k else "$muted"
        lines.append(
            Content.assemble(
                (f"  {padded(cut(name, room), room)} ", style),
                (f"{shown_value(metric, values[k]):>8} ", style),
                (line, "$primary" if not k else "$muted"),
                (f" {duration(spent[k])}", "$muted"),
            )
        )
    return lines


def set_card(ranked: Ranking, width: int, height: int, icons: Icons, keymap: Keymap, context: ActionContext) -> Content:
    """Return the card of a set: the settings in the order of the metric that decides, as many as fit."""
    metric = ranked.metric
    runs = sum(row.seeds for row in ranked.rows)
    head = f"{icons.state('finished')} {runs} runs by {metric.replace('_', ' ')}"
    remark = wrapped(visible(ranked.remark), max(width, 8))[: max(height - 3, 1)]
    lines = [
        Content.styled(head, f"{STATE_STYLES['finished']} bold"),
        *(Content.styled(each, "$muted") for each in remark),
    ]
    room = max(height - 2 - len(remark), 1)
    shown = ranked.rows if len(ranked.rows) <= room else ranked.rows[: max(room - 1, 1)]
    names = min(max(len(visible(row.name)) for row in shown), NAME_WIDTH)
    for place, row in enumerate(shown, 1):
        spread = f" ± {shown_value(metric, row.spread)} ({row.seeds} seeds)" if row.spread is not None else ""
        best = f"best {shown_value(metric, row.result.best)}" if row.spread is None else ""
        at = f", epoch {row.result.epoch}" if best and row.result.epoch else ""
        name = padded(cut(visible(row.name), names), names)
        lines.append(
            Content.assemble(
                (f"{_place(place, row):>3} {name} ", "bold" if place == 1 else ""),
                (f"{shown_value(metric, row.value):>8}{spread}", "bold" if place == 1 else ""),
                (f"  {best}{at}  {duration(row.result.seconds)}", "$muted"),
            )
        )
    if len(shown) < len(ranked.rows):
        lines.append(Content.styled(f"    and {len(ranked.rows) - len(shown)} more", "$muted"))
    lines.append(keys(keymap, context, width))
    return _joined(lines, width, icons)


def _place(place: int, row: Ranked) -> str:
    """Return the place of a row; rows that are not told apart from the first one share its place."""
    return "1=" if row.tied else str(place)


def keys(keymap: Keymap, context: ActionContext, width: int) -> Content:
    """Return the line with the next keys, without those that are not available; as many as fit."""
    line = Content("")
    resumes = context.state is not None and failed_midway(context.state)
    for name, usual in NEXT_KEYS:
        words = "resume" if resumes and name == "resume_run" else usual
        action = BY_ID.get(name)
        if action is None or disabled_reason(action, context) is not None:
            continue
        key = shown_key(action, keymap)
        part = Content.assemble((key, "bold $primary"), f" {words}")
        wider = Content.assemble(line, "   ", part) if line else part
        if key and wider.cell_length <= width:
            line = wider
    return line


def _joined(lines: Sequence[Content], width: int, icons: Icons) -> Content:
    return Content("\n").join([fitted(line, width, icons) for line in lines])
