"""`tui-trainer lecture`: show the lecture, or check its claims."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import (
    check_output_file,
    force_option,
    json_option,
    output_file,
    print_json,
    print_table,
    projector_option,
    runs_dir_option,
    trust_option,
)
from tui_trainer.config.teaching.course import bundled_course, course_folder, read_course
from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.ui.printing.request import LECTURE_SCREENS

if TYPE_CHECKING:
    from tui_trainer.config.teaching.course import Course
    from tui_trainer.lecture.claims import Verdict
    from tui_trainer.lecture.registry import Check
    from tui_trainer.ui.printing.request import ScreenRequest

DEFAULT_SEEDS = (0, 1, 2, 3, 4)
"""Seeds of the checks without --seeds. Several, because some claims are about the mean over seeds."""


@click.command(
    epilog="""\b
Examples:
  tui-trainer lecture
  tui-trainer lecture --list
  tui-trainer lecture --check S24 S39 --seeds 0 1 2
  tui-trainer lecture --route 45
  tui-trainer lecture S18 --projector
  tui-trainer lecture my-course/ --check"""
)
@click.argument("arguments", metavar="[DIR] [ROW ...]", nargs=-1)
@click.option("--check", is_flag=True, help="Train the presets of the rows without a screen and check the claims.")
@click.option("--seeds", type=int, metavar="N ...", help="With --check: seeds to train with  [default: 0 1 2 3 4]")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="With --check: processes that train at a time, the numbers are the same  [default: 2, if there are 2 cores]",
)
@click.option("--list", "as_list", is_flag=True, help="List the rows and their presets.")
@click.option(
    "--markdown", metavar="FILE", help="With --check: write the rows to FILE, a Markdown page that keeps its others."
)
@click.option("--measured", metavar="FILE", help="With --check: write the numbers that the lessons quote to FILE.")
@click.option("--handout", metavar="FILE", help="Write the rows as one HTML page, with runs trained for it.")
@click.option("--all", "everything", is_flag=True, help="With --handout: all rows, as a book.")
@click.option("--run", "runs", metavar="RUN", multiple=True, help="With --handout: show this finished run.")
@force_option
@click.option("--progress", is_flag=True, help="Say which lessons were seen, predicted, and predicted right.")
@click.option("--route", type=int, metavar="MINUTES", help="The rows of the course's route of so many minutes.")
@trust_option
@click.option("--play", is_flag=True, help="Play the lecture automatically.")
@projector_option
@runs_dir_option
@json_option
@once_options(LECTURE_SCREENS)
def command(
    arguments: tuple[str, ...],
    check: bool,
    seeds: int | None,
    jobs: int | None,
    as_list: bool,
    markdown: str | None,
    measured: str | None,
    handout: str | None,
    everything: bool,
    runs: tuple[str, ...],
    force: bool,
    progress: bool,
    route: int | None,
    trust: bool,
    play: bool,
    runs_dir: str | None,
    as_json: bool,
    once: ScreenRequest | None,
) -> int:
    """Show the lecture: its table of contents, or a ROW (S01 to S49, X01 to X08, or the name of a lecture preset).

    DIR is the folder of another course: a course.toml and lessons, with rows and claims of their own.

    A row is one statement about training neural networks, with presets that demonstrate it and claims in numbers.
    --check trains the presets of the rows and checks the claims, in minutes for all rows. The exit code is 1 if a claim
    does not hold. --handout writes one page that needs no network: question, pictures of runs, formula, claims,
    exercises.
    """
    folder = course_folder(arguments[0]) if arguments else None
    arguments = arguments[1:] if folder is not None else arguments
    rows = [text for text in arguments if not text.isdecimal()]
    more_seeds = [int(text) for text in arguments if text.isdecimal()]
    if more_seeds and seeds is None:
        raise click.UsageError(f"{more_seeds[0]} is not a row; write seeds after --seeds")
    if (everything or runs) and handout is None:
        raise click.UsageError("--all and --run need --handout FILE")
    if not check and ((seeds is not None and handout is None) or markdown is not None or measured is not None):
        raise click.UsageError("--seeds, --markdown and --measured need --check")
    if jobs is not None and not check:
        raise click.UsageError("--jobs needs --check")
    if force and markdown is None and measured is None and handout is None:
        raise click.UsageError("--force needs --markdown FILE, --measured FILE or --handout FILE")
    if sum((check, as_list, progress, play, once is not None, handout is not None)) > 1:
        raise click.UsageError("use only one of --check, --list, --progress, --play, --handout and --once")
    if as_json and not (check or as_list or progress):
        raise click.UsageError("--json needs --check, --list or --progress")
    if progress:
        if arguments:
            raise click.UsageError("--progress takes no rows: it lists every lesson")
        return importlib.import_module("tui_trainer.cli.lecture_progress").print_progress(as_json)
    course = bundled_course()
    if folder is not None:
        from tui_trainer.lecture.course_lessons import check_lessons

        course = read_course(folder)
        check_lessons(course)
    if route is not None:
        if rows:
            raise click.UsageError("give either rows or --route MINUTES")
        rows = list(course.route(route))
    if as_list:
        return _list(course, rows, as_json)
    if handout is not None:
        from tui_trainer.cli.commands.export.handout import write_handout

        given = list(dict.fromkeys([seeds or 0, *more_seeds]))
        return write_handout(
            course,
            rows,
            handout,
            everything=everything,
            runs=runs,
            seeds=given,
            force=force,
            trust=trust,
            directory=runs_dir,
        )
    if not course.bundled and (markdown is not None or measured is not None):
        raise click.UsageError("--markdown and --measured are for the lecture of the program; use --json for a course")
    if check:
        all_seeds = [seeds, *more_seeds] if seeds is not None else DEFAULT_SEEDS
        if min(all_seeds) < 0:
            raise UserError(f"--seeds {min(all_seeds)}: must be a whole number of at least 0")
        return _check(
            course,
            rows,
            list(dict.fromkeys(all_seeds)),
            jobs,
            as_json,
            {"markdown": markdown, "measured": measured},
            force=force,
            trust=trust,
        )
    open_lecture = importlib.import_module("tui_trainer.cli.open_lecture").open_lecture
    return open_lecture(
        rows, play=play, runs_dir=runs_dir, once=once, course=course, trust=trust, route=route is not None
    )


def _list(course: Course, rows: Sequence[str], as_json: bool) -> int:
    from tui_trainer.lecture.outline import presets_by_row

    presets = presets_by_row(course)
    listed = [course.rows[number] for number in course.wanted(rows, course.rows)]
    if as_json:
        print_json(
            [{"row": row.id, "group": row.group, "title": row.title, "presets": presets[row.id]} for row in listed]
        )
    else:
        print_table(
            [(row.id, row.group, ", ".join(presets[row.id]), row.title) for row in listed],
            ("row", "part", "presets", "shows"),
        )
    return 0


def _check(
    course: Course,
    rows: Sequence[str],
    seeds: Sequence[int],
    jobs: int | None,
    as_json: bool,
    files: Mapping[str, str | None],
    *,
    force: bool,
    trust: bool,
) -> int:
    paths = {option: expanded(given) for option, given in files.items() if given is not None}
    for option, path in paths.items():
        if not path.parent.is_dir():
            raise UserError(f"--{option} {str(path)!r}: the directory {str(path.parent)!r} does not exist")
        check_output_file(path, f"--{option} {str(path)!r}", force=force)
    if "measured" in paths:
        from tui_trainer.lecture.measured_file import updated

        updated(paths["measured"], ())  # refuse a file of another kind before the training
    click.echo("importing torch ...", err=True)
    from time import monotonic

    from tui_trainer.lecture.measuring.parallel import usable_processes
    from tui_trainer.lecture.measuring.runner import check
    from tui_trainer.lecture.registry import checks
    from tui_trainer.lecture.toml_claims import checks_of
    from tui_trainer.protocol.describe import duration

    known = checks() if course.bundled else checks_of(course, trust=trust)
    selected = [known[number] for number in course.wanted(rows, known)]
    begun = monotonic()
    verdicts = check(selected, seeds, lambda line: click.echo(line, err=True), processes=jobs or usable_processes())
    click.echo(f"{len(verdicts)} claims measured in {duration(monotonic() - begun)}", err=True)
    _write(verdicts, selected, seeds, paths, force)
    if as_json:
        from tui_trainer.lecture.report import as_values

        presets = {each.row: each.presets for each in selected}
        print_json([as_values(verdict, presets[verdict.row], seeds, course.rows) for verdict in verdicts])
    else:
        print_table(
            [(v.row, v.claim, v.measured, v.threshold, v.kind, "holds" if v.holds else "FAILS") for v in verdicts],
            ("row", "claim", "measured", "threshold", "kind", "verdict"),
        )
    failed = [verdict for verdict in verdicts if not verdict.holds]
    if failed:
        failed_rows = ", ".join(dict.fromkeys(verdict.row for verdict in failed))
        click.echo(f"{len(failed)} of {len(verdicts)} claims do not hold: {failed_rows}", err=True)
    return 1 if failed else 0


def _write(
    verdicts: Sequence[Verdict], selected: Sequence[Check], seeds: Sequence[int], paths: Mapping[str, Path], force: bool
) -> None:
    """Write the measured values, and then the page, whose texts quote them."""
    from tui_trainer.config.measured_values import forget
    from tui_trainer.lecture.measured_file import updated

    measured, page = paths.get("measured"), paths.get("markdown")
    if measured is not None:
        text = updated(measured, verdicts)
        with output_file(measured, f"--measured {str(measured)!r}", force=force) as file:
            file.write(text)
        forget()
    if page is not None:
        from tui_trainer.lecture.page_file import merged

        before = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
        text = merged(before, _page(verdicts, selected, seeds, page.parent), f"--markdown {str(page)!r}")
        with output_file(page, f"--markdown {str(page)!r}", force=force) as file:
            file.write(text)


def _page(verdicts: Sequence[Verdict], selected: Sequence[Check], seeds: Sequence[int], folder: Path) -> str:
    """Return the Markdown page, with links to the screenshots that exist in `folder`: `lecture/S02.svg` and so on."""
    import platform
    from importlib.metadata import version

    from tui_trainer.config.preset import load
    from tui_trainer.lecture.report import as_page

    presets = {check.row: check.presets for check in selected}
    names = dict.fromkeys(name for check in selected for name in check.presets)
    lessons = {name: lesson for name in names if (lesson := load(name).first.lesson) is not None}
    versions = f"torch {version('torch')}, scikit-learn {version('scikit-learn')}, Python {platform.python_version()}"
    pictures = {
        check.row: f"lecture/{check.row}.svg"
        for check in selected
        if (folder / "lecture" / f"{check.row}.svg").is_file()
    }
    return as_page(verdicts, presets, lessons, seeds, versions, pictures)
