"""`tui-trainer lecture ROW --handout FILE`: rows of the lecture as a page to hand out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import check_output_file, output_file
from tui_trainer.errors import UserError
from tui_trainer.paths import expanded, runs_dir

if TYPE_CHECKING:
    from tui_trainer.config.teaching.course import Course
    from tui_trainer.lecture.handout.material import RowMaterial


def write_handout(
    course: Course,
    rows: Sequence[str],
    path: str,
    *,
    everything: bool,
    runs: Sequence[str],
    seeds: Sequence[int],
    force: bool,
    trust: bool,
    directory: str | None,
) -> int:
    """Write the page of some rows, with runs that are trained for it, or finished ones.

    Args:
        course: the course.
        rows: rows, or names of presets of the lecture.
        path: the file.
        everything: whether all rows are meant.
        runs: finished runs of the presets of one row.
        seeds: seeds to train with.
        force: whether a file that exists is overwritten.
        trust: whether lessons of the course may import code.
        directory: the runs directory.

    Raises:
        UserError: a row does not exist, a run is none of the row's presets, or the file cannot be written.
    """
    if everything == bool(rows):
        raise UserError("--handout needs rows, as in lecture S39 --handout s39.html, or --all for the book")
    named = f"--handout {path!r}"
    file_path = expanded(path)
    if not file_path.parent.is_dir():
        raise UserError(f"{named}: the directory {str(file_path.parent)!r} does not exist")
    check_output_file(file_path, named, force=force)
    chosen = course.wanted([_row_of(name) for name in rows], course.rows)
    from tui_trainer.lecture.handout.pages import handout

    if runs:
        materials = [_with_runs(course, chosen, runs, directory)]
        used: Sequence[int] = ()
    else:
        from tui_trainer.lecture.handout.material import trained_material

        click.echo("importing torch ...", err=True)
        materials = trained_material(course, chosen, seeds, lambda line: click.echo(line, err=True), trust=trust)
        used = seeds
    title = f"{materials[0].id}. {materials[0].title}" if len(materials) == 1 else course.table.title
    page = handout(materials, used, title=title, credit=course.byline)
    with output_file(file_path, named, force=force) as file:
        file.write(page)
    click.echo(f"{path}: {len(materials)} row{'s' if len(materials) > 1 else ''} written", err=True)
    return 0


def _row_of(name: str) -> str:
    """Return the row of a preset of the lecture; anything else unchanged."""
    from tui_trainer.config.preset import preset_tables

    rows = preset_tables().get(name, {}).get("lesson", {}).get("rows") or [name]
    return str(rows[0])


def _with_runs(course: Course, rows: Sequence[str], names: Sequence[str], directory: str | None) -> RowMaterial:
    from tui_trainer.lecture.handout.material import material_of
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.exporting.own_run import read_own_run

    if len(rows) != 1:
        raise UserError("--run is for a handout of one row")
    material = material_of(rows[0], course)
    presets = {preset.name: preset for preset in material.presets}
    for name in names:
        for info in find_runs(name, runs_dir(directory)):
            preset = presets.get(info.preset)
            if preset is None:
                known = ", ".join(presets)
                given = info.preset or "another preset"
                raise UserError(f"--run {name!r}: a run of {given}; {rows[0]} is shown by {known}")
            run = read_own_run(info)
            run.name = info.name.rpartition("/")[2] if info.group else preset.name
            preset.runs.append(run)
    return material
