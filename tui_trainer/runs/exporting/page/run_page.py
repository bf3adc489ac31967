"""The page of a run or a comparison: curves with zoom and cursor, interventions, findings, settings, the lesson."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tui_trainer import __version__
from tui_trainer.protocol.finding_titles import title_of
from tui_trainer.runs.comparing.flat_config import differing_keys
from tui_trainer.runs.exporting.chart_groups import DrawnChart, DrawnCurve, charts_of
from tui_trainer.runs.exporting.exported_run import AROUND, Done, ExportedRun
from tui_trainer.runs.exporting.page.html import document, element, table
from tui_trainer.runs.exporting.page.lesson import lesson_section
from tui_trainer.runs.exporting.svg_chart import chart_svg, text
from tui_trainer.text import exact, number

STATIC_COLUMNS = 150
"""Buckets of a curve in the pictures that stand in the page before its script draws them, as in a mail."""
EXACT = 6_000
"""Points on one page up to which values are written with all of their digits."""


def run_page(runs: Sequence[ExportedRun]) -> str:
    """Return the page of some runs as HTML."""
    runs = _with_short_names(runs)
    charts, left = charts_of(runs)
    rough, _ = charts_of(runs, STATIC_COLUMNS)
    titles = {run.title for run in runs}
    title = runs[0].title if len(titles) == 1 and runs[0].title else " / ".join(run.name for run in runs[:4])
    several = len(runs) > 1
    body = [
        '<a class="skip" href="#curves">Skip to the curves</a>',
        element("header", element("h1", text(title)), _summary(runs)),
        *(lesson_section(run.lesson) for run in _lessons(runs)),
        '<h2 id="curves">Curves</h2>',
        '<p class="dim hint">Move over a chart to read values, drag to zoom, double-click for everything. With the '
        "keyboard: left and right move the cursor (shift: ten at a time), + and - zoom, 0 shows everything, "
        "l turns the logarithm on.</p>",
        *(_figure(chart, image, index) for index, (chart, image) in enumerate(zip(charts, rough, strict=True))),
        element("p", text(f"Left out: {', '.join(left[:20])} and {len(left)} curves in all."), kind="dim")
        if left
        else "",
        _interventions(runs, several=several),
        _findings(runs, several=several),
        _settings(runs),
        element("footer", text(f"Written by tui-trainer {__version__}.")),
    ]
    return document(title, *body, data=_data(charts, runs))


def _with_short_names(runs: Sequence[ExportedRun]) -> list[ExportedRun]:
    """Return the runs without the name of their set where all are of one."""
    groups = {run.name.rpartition("/")[0] for run in runs}
    if len(runs) < 2 or len(groups) > 1:
        return list(runs)
    return [replace(run, name=run.name.rpartition("/")[2]) for run in runs]


def _lessons(runs: Sequence[ExportedRun]) -> list[ExportedRun]:
    """Return one run of each lesson."""
    return list({str(run.lesson.get("shows", "")): run for run in runs if run.lesson}.values())


def _summary(runs: Sequence[ExportedRun]) -> str:
    if len(runs) == 1:
        run = runs[0]
        about = element("p", text(run.summary), kind="dim") if run.summary else ""
        return about + table([("run", run.name), *run.facts.items()])
    keys = list(dict.fromkeys(key for run in runs for key in run.facts))
    return table([(key, *(run.facts.get(key, "") for run in runs)) for key in keys], ("run", *(r.name for r in runs)))


def _figure(chart: DrawnChart, image: DrawnChart, index: int) -> str:
    buttons = "".join(
        f'<button type="button" data-do="{do}"{more}>{word}</button>'
        for do, word, more in (
            ("in", "zoom in", ""),
            ("out", "zoom out", ""),
            ("all", "everything", ""),
            ("log", "logarithm", ' aria-pressed="false"'),
        )
    )
    caption = f'<figcaption><h3 id="chart{index}">{text(chart.title)}</h3>{buttons}</figcaption>'
    rows = "".join(_row(curve) for curve in chart.curves)
    header = "".join(
        f'<th scope="col"{" class=n" if at else ""}>{word}</th>'
        for at, word in enumerate(("curve", "step", "value or median", "minimum", "maximum", "steps"))
    )
    values = (
        f'<div class="wide"><table class="read"><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return (
        f'<figure class="chart-box" tabindex="0" role="group" aria-labelledby="chart{index}">{caption}'
        f'<div class="plot">{chart_svg(image)}</div>{values}<output class="skip" aria-live="polite"></output></figure>'
    )


def _row(curve: DrawnCurve) -> str:
    last = curve.buckets[-1] if curve.buckets else None
    cells = ("", "", "", "", "") if last is None else (f"{last.last:,}", number(last.middle, 6), "", "", last.count)
    shown = "".join(f'<td class="n">{text(cell)}</td>' for cell in cells)
    key = f"key k{curve.color} dash" if curve.dashed else f"key k{curve.color}"
    return f'<tr><th scope="row"><span class="{key}"></span>{text(curve.label)}</th>{shown}</tr>'


def _interventions(runs: Sequence[ExportedRun], *, several: bool) -> str:
    cards = [_card(run if several else None, done) for run in runs for done in run.done]
    if not cards:
        return ""
    hint = element("p", text(f"The loss is its mean over {AROUND} steps before and after."), kind="dim")
    return element("h2", "What was done") + hint + element("ol", *cards, kind="cards")


def _card(run: ExportedRun | None, done: Done) -> str:
    where = f"step {done.step:,}" + (f", {run.name}" if run is not None else "")
    effect = f"loss {number(done.before)} before, {number(done.after)} after" if done.before is not None else ""
    return element(
        "li",
        element("p", text(where), kind="dim"),
        element("h3", text(done.what)),
        element("p", text(f"because: {done.because}"), kind="because") if done.because else "",
        element("p", text(effect), kind="dim") if effect else "",
    )


def _findings(runs: Sequence[ExportedRun], *, several: bool) -> str:
    cards = [
        element(
            "li",
            element("p", text(f"since epoch {finding.epoch}" + (f", {run.name}" if several else "")), kind="dim"),
            element("h3", text(title_of(finding))),
            element("p", text(finding.evidence)),
            element("p", text(f"cause: {finding.likely_cause}")) if finding.likely_cause else "",
            element("p", text(finding.why), kind="dim"),
            kind=finding.severity,
        )
        for run in runs
        for finding in run.findings
    ]
    return element("h2", "Findings") + element("ul", *cards, kind="cards") if cards else ""


def _settings(runs: Sequence[ExportedRun]) -> str:
    settings = [run.settings for run in runs]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    if not keys:
        return ""
    header = ("key", *(run.name for run in runs))
    differ = differing_keys(settings)
    parts = [element("h2", "Settings")]
    if len(runs) > 1:
        parts.append(
            table([_setting(key, settings) for key in differ], header) if differ else element("p", "No difference.")
        )
    whole = table([_setting(key, settings) for key in keys], header)
    parts.append(f"<details{'' if len(runs) > 1 else ' open'}><summary>All settings</summary>{whole}</details>")
    return "".join(parts)


def _setting(key: str, settings: Sequence[dict[str, Any]]) -> list[str]:
    return [key, *(_value(each[key]) if key in each else "" for each in settings)]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return exact(value) if isinstance(value, float) else str(value)


def _data(charts: Sequence[DrawnChart], runs: Sequence[ExportedRun]) -> dict[str, Any]:
    digits = 17 if sum(len(curve.buckets) for chart in charts for curve in chart.curves) <= EXACT else 6
    marks = charts[0].marks if charts else []
    several = len(runs) > 1
    return {
        "first": charts[0].first if charts else 0,
        "last": charts[0].last if charts else 1,
        "marks": [
            {
                "step": done.step,
                "letter": done.letter,
                "text": f"{runs[index].name}: {done.text}" if several else done.text,
            }
            for index, done in marks
        ],
        "charts": [
            {"title": chart.title, "curves": [_curve(curve, digits) for curve in chart.curves]} for chart in charts
        ],
    }


def _curve(curve: DrawnCurve, digits: int) -> dict[str, Any]:
    """Return a curve for the script: first and last step, median, and where buckets hold several steps the rest."""

    def short(value: float) -> float:
        return float(f"{value:.{digits}g}")

    found = curve.buckets
    columns: dict[str, Any] = {
        "label": curve.label,
        "color": curve.color,
        "dashed": curve.dashed,
        "a": [bucket.first for bucket in found],
        "mid": [short(bucket.middle) for bucket in found],
        "gaps": curve.gaps,
    }
    if any(bucket.count > 1 for bucket in found):
        columns["b"] = [bucket.last for bucket in found]
        columns["low"] = [short(bucket.low) for bucket in found]
        columns["high"] = [short(bucket.high) for bucket in found]
        columns["n"] = [bucket.count for bucket in found]
    return columns
