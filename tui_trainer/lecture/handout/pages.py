"""The page of a handout, and the book of all rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tui_trainer import __version__
from tui_trainer.lecture.claims import Verdict
from tui_trainer.lecture.handout.close_ups import close_ups
from tui_trainer.lecture.handout.drawings import picture_svg
from tui_trainer.lecture.handout.material import RowMaterial, ShownPreset
from tui_trainer.lecture.handout.mathml import as_html
from tui_trainer.protocol.events import PictureTaken
from tui_trainer.runs.exporting.chart_groups import charts_of
from tui_trainer.runs.exporting.exported_run import ExportedRun
from tui_trainer.runs.exporting.page.html import document, element, table
from tui_trainer.runs.exporting.svg_chart import stacked, text

COLUMNS = 160
"""Buckets of a curve."""
MOST_CHARTS = 3
MOST_PICTURES = 6
_CHARTS = ("suboptimality", "loss", "accuracy", "rmse", "learning rate")
"""Titles of the charts that a handout shows first."""


def handout(materials: Sequence[RowMaterial], seeds: Sequence[int], *, title: str, credit: str = "") -> str:
    """Return some rows as one page: a table of contents where there are several."""
    parts: list[str] = []
    if len(materials) > 1:
        parts.append(element("header", element("h1", text(title)), element("p", text(credit), kind="dim")))
        parts += _contents(materials)
    for material in materials:
        parts += _row(material, seeds, alone=len(materials) == 1)
    made = f"{credit} Written by tui-trainer {__version__}."
    return document(title, *parts, element("footer", text(made.lstrip())))


def _contents(materials: Sequence[RowMaterial]) -> Iterator[str]:
    group = ""
    for material in materials:
        if material.group != group:
            if group:
                yield "</ul>"
            group = material.group
            yield f"{element('h2', text(group.capitalize()))}<ul>"
        yield f'<li><a href="#{material.id}">{material.id}. {text(material.title)}</a></li>'
    yield "</ul>"


def _row(material: RowMaterial, seeds: Sequence[int], *, alone: bool) -> Iterator[str]:
    level = "h1" if alone else "h2"
    yield f'<article id="{material.id}"><{level}>{material.id}. {text(material.title)}</{level}>'
    for preset in material.presets:
        yield from _preset(preset, several=len(material.presets) > 1)
    if material.verdicts:
        yield element("h3", "Claims, measured")
        yield _claims(material.verdicts, seeds)
    exercises = [each for preset in material.presets for each in _exercises(preset)]
    yield element("h3", "Exercises") + element("ol", *(element("li", each) for each in exercises))
    links = [link for preset in material.presets for link in _items(preset.lesson.get("links"))]
    if links:
        shown = [
            element("li", f'<a href="{text(link.get("url", ""))}" rel="noreferrer">{text(link.get("title", ""))}</a>')
            for link in links
            if str(link.get("url", "")).startswith(("https://", "http://"))
        ]
        yield element("h3", "To read on") + element("ul", *shown)
    yield "</article>"


def _preset(preset: ShownPreset, *, several: bool) -> Iterator[str]:
    lesson = preset.lesson
    if several:
        yield element("h3", text(preset.title or preset.name))
    if lesson.get("minutes"):
        known = f"; know before: {', '.join(map(str, lesson['before']))}" if lesson.get("before") else ""
        yield element("p", text(f"{lesson['minutes']} minutes{known}."), kind="dim")
    if lesson.get("says"):
        yield element("p", text(f"The lecture says: {lesson['says']}"))
    for question in _items(lesson.get("questions")):
        choices = question.get("choices") or ()
        answers = element("ul", *(element("li", text(choice)) for choice in choices)) if choices else ""
        yield element("div", element("p", element("strong", text(f"Predict: {question.get('text', '')}"))), answers)
    if lesson.get("shows"):
        yield element("h3", "What the runs show") + element("p", text(lesson["shows"]))
    yield from _pictures(preset)
    if lesson.get("truth"):
        yield element("p", text(f"In truth: {lesson['truth']}"), kind="truth")
    if lesson.get("formula"):
        yield element("p", as_html(str(lesson["formula"])), kind="formula")
    mistakes = lesson.get("mistakes") or ()
    if mistakes:
        yield element("h3", "Common mistakes") + element("ul", *(element("li", text(each)) for each in mistakes))


def _pictures(preset: ShownPreset) -> Iterator[str]:
    if not preset.runs:
        return
    runs = [_with_curves(run) for run in preset.runs]
    charts, _ = charts_of(runs, COLUMNS)
    order = {title: place for place, title in enumerate(_CHARTS)}
    charts.sort(key=lambda chart: order.get(chart.title, len(order)))
    known = [chart for chart in charts if chart.title in order and chart.values[0] < chart.values[1]]
    shown = [*close_ups(runs, preset.lesson, COLUMNS), *(known[:MOST_CHARTS] or charts[:1])]
    if shown:
        yield element("figure", stacked(shown, alone=False))
    several = len(preset.runs) > 1
    drawn = [picture_svg(event, name if several else "") for name, event in _different(preset.runs)]
    yield element("div", *[element("figure", svg) for svg in drawn if svg][:MOST_PICTURES], kind="pictures")


def _with_curves(run: ExportedRun) -> ExportedRun:
    """Return a run without what was measured once, such as the loss of the final test."""
    return replace(run, curves={name: curve for name, curve in run.curves.items() if len(curve) > 1})


def _different(runs: Sequence[ExportedRun]) -> Iterator[tuple[str, PictureTaken]]:
    """Yield the pictures with the names of their runs: one where several runs have taken the same, without a name."""
    shown: dict[tuple[str, str], list[str]] = {}
    events: dict[tuple[str, str], PictureTaken] = {}
    for run in runs:
        for event in run.pictures:
            key = event.name, json.dumps(event.data, sort_keys=True, default=str)
            shown.setdefault(key, []).append(run.name)
            events.setdefault(key, event)
    for key, names in shown.items():
        yield names[0] if len(names) == 1 else "", events[key]


def _claims(verdicts: Sequence[Verdict], seeds: Sequence[int]) -> str:
    rows = [(each.claim, each.measured, each.threshold, each.kind, _verdict(each, seeds)) for each in verdicts]
    seeds_text = ", ".join(map(str, seeds))
    one = f"Measured with seed {seeds_text}, by the runs that are shown."
    note = f"Mean [smallest, largest] over the seeds {seeds_text}." if len(seeds) > 1 else one
    return table(rows, ("claim", "value", "threshold", "kind", "")) + element("p", text(note), kind="dim")


def _verdict(verdict: Verdict, seeds: Sequence[int]) -> str:
    if verdict.of == "mean" and len(seeds) < 2:
        return "holds" if verdict.holds else "of the mean over seeds"
    return "holds" if verdict.holds else "fails"


def _exercises(preset: ShownPreset) -> Iterator[str]:
    """Yield tasks as HTML: predict, run, vary, explain."""
    run = element("code", text(f"tui-trainer run {preset.name}"))
    if preset.lesson.get("questions"):
        yield f"Write down your prediction, then run {run} and compare: what did your picture of it leave out?"
    else:
        yield f"Run {run}. Before it begins, write down which curve will be lowest at the end, and why."
    tries = list(preset.lesson.get("tries") or preset.lesson.get("try") or ())
    if len(tries) > 2:
        values = " and ".join(element("code", text(f"{tries[0]}={value}")) for value in tries[1:])
        yield f"Run it again with {values} after its name. Which number of the table changes first, and which way?"
    if preset.lesson.get("truth"):
        yield "Where do the lecture's sentence and the measurement differ? Find a setting for which the sentence holds."
    if preset.lesson.get("formula"):
        steps = element("code", "tui-trainer export last --to csv")
        yield f"Check the formula with numbers of the run: take two steps from {steps}."


def _items(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, (list, tuple)) else []
