"""The material of a handout: the lessons of a row, the runs that show it, and the verdicts on its claims."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.course import Course
from tui_trainer.lecture.claims import Verdict
from tui_trainer.lecture.outline import presets_by_row
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
    source: str = ""
    """The file or name by which it is loaded."""
    runs: list[ExportedRun] = field(default_factory=list[ExportedRun])


@dataclass(slots=True)
class RowMaterial:
    """One row of the lecture for a handout."""

    id: str
    group: str
    title: str
    presets: list[ShownPreset]
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


def material_of(row: str, course: Course) -> RowMaterial:
    """Return a row with its texts, without runs: the presets whose first row it is, else the first that shows it."""
    known = course.rows[row]
    files = {} if course.bundled else course.lesson_files()
    shown = [_shown(name, str(files.get(name, name))) for name in presets_by_row(course)[row]]
    own = [preset for preset in shown if preset.lesson.get("rows", [None])[0] == row]
    return RowMaterial(row, known.group, known.title, own or shown[:1])


def _shown(name: str, source: str) -> ShownPreset:
    config = load(source).first
    lesson = config.lesson.model_dump(mode="json") if config.lesson is not None else {}
    return ShownPreset(name, config.title, lesson, source)


def trained_material(
    course: Course, rows: Sequence[str], seeds: Sequence[int], tell: Callable[[str], None], *, trust: bool = False
) -> list[RowMaterial]:
    """Train the presets of some rows and measure their claims; curves and pictures are those of the first seed.

    Raises:
        UserError: a preset cannot be built, or an error ended one of its runs.
    """
    from tui_trainer.lecture.claims import Measured, collect
    from tui_trainer.lecture.registry import checks
    from tui_trainer.lecture.toml_claims import checks_of
    from tui_trainer.lecture.training_cache import TrainingCache

    known = checks() if course.bundled else checks_of(course, trust=trust)
    materials = [material_of(row, course) for row in rows]
    measured: dict[str, list[list[Measured]]] = {row: [] for row in rows}
    for index, seed in enumerate(seeds):
        cache = TrainingCache(seed, lambda line, seed=seed: tell(f"seed {seed}: training {line}"))
        for material in materials:
            if material.id in known:
                measured[material.id].append(list(known[material.id].measure(cache)))
            for preset in material.presets if index == 0 else ():
                for variant, run in cache.runs(preset.source).items():
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
