"""The material of a handout: the lessons of a row, the runs that show it, and the verdicts on its claims."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.config.preset import load
from tui_trainer.lecture.claims import Verdict
from tui_trainer.lecture.outline import ROWS, presets_by_row
from tui_trainer.runs.exporting.curves import StepCurve
from tui_trainer.runs.exporting.exported_run import ExportedRun
from tui_trainer.runs.history import RunHistory, usual_first
from tui_trainer.text import visible


@dataclass(slots=True)
class ShownPreset:
    """A preset that shows a row: its texts, and its runs."""

    name: str
    title: str
    lesson: Mapping[str, Any]
    runs: list[ExportedRun] = field(default_factory=list[ExportedRun])


@dataclass(slots=True)
class RowMaterial:
    """One row of the lecture for a handout."""

    id: str
    group: str
    title: str
    presets: list[ShownPreset]
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


def own_presets(row: str) -> list[str]:
    """Return the presets whose first row it is; where there are none, the first that shows it."""
    shown = presets_by_row()[row]
    own = [name for name in shown if _lesson(name).get("rows", [None])[0] == row]
    return own or shown[:1]


def _lesson(preset: str) -> dict[str, Any]:
    lesson = load(preset).first.lesson
    return lesson.model_dump(mode="json") if lesson is not None else {}


def material_of(row: str) -> RowMaterial:
    """Return a row with its texts, without runs."""
    known = ROWS[row]
    presets = [ShownPreset(name, load(name).first.title, _lesson(name)) for name in own_presets(row)]
    return RowMaterial(row, known.group, known.title, presets)


def trained_material(rows: Sequence[str], seeds: Sequence[int], tell: Callable[[str], None]) -> list[RowMaterial]:
    """Train the presets of some rows and measure their claims; curves and pictures are those of the first seed.

    Raises:
        UserError: a preset cannot be built, or an error ended one of its runs.
    """
    from tui_trainer.lecture.claims import Measured, collect
    from tui_trainer.lecture.registry import checks
    from tui_trainer.lecture.training_cache import TrainingCache

    known = checks()
    materials = [material_of(row) for row in rows]
    measured: dict[str, list[list[Measured]]] = {row: [] for row in rows}
    for index, seed in enumerate(seeds):
        cache = TrainingCache(seed, lambda line, seed=seed: tell(f"seed {seed}: training {line}"))
        for material in materials:
            if material.id in known:
                measured[material.id].append(list(known[material.id].measure(cache)))
            for preset in material.presets if index == 0 else ():
                for variant, run in cache.runs(preset.name).items():
                    pictures = [events[-1] for events in run.pictures.values()]
                    preset.runs.append(_exported(variant or preset.name, run.record, run.per_epoch))
                    preset.runs[-1].pictures = pictures
    for material in materials:
        material.verdicts = collect(material.id, measured[material.id])
    return materials


def _exported(name: str, record: RunHistory, per_epoch: int) -> ExportedRun:
    curves: dict[str, StepCurve] = {}
    for step in sorted(record.rows):
        for metric, value in record.rows[step].items():
            curves.setdefault(metric, StepCurve()).put(step, value)
    return ExportedRun(
        name=name,
        curves={visible(metric): curves[metric] for metric in usual_first(curves)},
        steps=array("q", sorted(record.rows)),
        steps_per_epoch=max(per_epoch, 1),
    )
