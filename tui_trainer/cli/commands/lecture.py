"""`tui-trainer lecture`: the lecture row by row, and its checks."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import json_option, print_json, print_table, runs_dir_option
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    from tui_trainer.lecture.claims import Verdict
    from tui_trainer.lecture.registry import Check

USUAL_SEEDS = (0, 1, 2, 3, 4)
"""What the checks draw from where nobody says: some claims are of the mean over seeds, and one alone is no mean."""


@click.command(
    epilog="""\b
Examples:
  tui-trainer lecture
  tui-trainer lecture --list
  tui-trainer lecture --check S24 S39 --seeds 0 1 2"""
)
@click.argument("words", metavar="[ROW ...]", nargs=-1)
@click.option("--check", is_flag=True, help="Train what the rows need, headless, and measure their claims.")
@click.option(
    "--seeds", type=int, metavar="N ...", help="With --check: what is drawn from; 0 to 4 where none is given."
)
@click.option("--list", "as_list", is_flag=True, help="List the rows and their presets.")
@click.option("--markdown", metavar="FILE", help="With --check: write the page of the lecture there.")
@click.option("--play", is_flag=True, help="Let the lecture play by itself.")
@runs_dir_option
@json_option
def command(
    words: tuple[str, ...],
    check: bool,
    seeds: int | None,
    as_list: bool,
    markdown: str | None,
    play: bool,
    runs_dir: str | None,
    as_json: bool,
) -> int:
    """Open the lecture at its table of contents, or at a ROW; with --check, measure its claims.

    ROW is S01 to S49. --check without one measures all of them: minutes of training. It exits with 1 where a claim does
    not hold.
    """
    rows = [word for word in words if not word.isdecimal()]
    more = [int(word) for word in words if word.isdecimal()]
    if more and seeds is None:
        raise click.UsageError(f"{more[0]} is no row; seeds follow --seeds")
    if not check and (seeds is not None or markdown is not None):
        raise click.UsageError("--seeds and --markdown go with --check")
    if sum((check, as_list, play)) > 1:
        raise click.UsageError("--check, --list and --play exclude each other")
    if as_json and not (check or as_list):
        raise click.UsageError("--json goes with --check or --list")
    if as_list:
        return _list(rows, as_json)
    if check:
        chosen = [seeds, *more] if seeds is not None else USUAL_SEEDS
        if min(chosen) < 0:
            raise UserError(f"--seeds {min(chosen)}: a seed is a whole number, 0 or more")
        return _check(rows, list(dict.fromkeys(chosen)), as_json, markdown)
    return importlib.import_module("tui_trainer.cli.open_lecture").open_lecture(rows, play=play, runs_dir=runs_dir)


def _list(rows: Sequence[str], as_json: bool) -> int:
    from tui_trainer.lecture.outline import ROWS, presets_by_row, wanted

    presets = presets_by_row()
    listed = [ROWS[number] for number in wanted(rows, ROWS)]
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


def _check(rows: Sequence[str], seeds: Sequence[int], as_json: bool, markdown: str | None) -> int:
    from tui_trainer.lecture.outline import wanted

    if markdown is not None and not Path(markdown).parent.is_dir():
        raise UserError(f"--markdown {markdown!r}: there is no folder {str(Path(markdown).parent)!r}")
    click.echo("importing torch", err=True)
    from tui_trainer.lecture.registry import checks
    from tui_trainer.lecture.runner import check

    known = checks()
    chosen = [known[number] for number in wanted(rows, known)]
    verdicts = check(chosen, seeds, lambda line: click.echo(line, err=True))
    if markdown is not None:
        Path(markdown).write_text(_page(verdicts, chosen, seeds, Path(markdown).parent), encoding="utf-8")
    if as_json:
        from tui_trainer.lecture.report import as_values

        presets = {one.row: one.presets for one in chosen}
        print_json([as_values(verdict, presets[verdict.row], seeds) for verdict in verdicts])
    else:
        print_table(
            [(one.row, one.claim, one.measured, one.threshold, "holds" if one.holds else "FAILS") for one in verdicts],
            ("row", "claim", "measured", "threshold", "verdict"),
        )
    failed = [one for one in verdicts if not one.holds]
    if failed:
        named = ", ".join(dict.fromkeys(one.row for one in failed))
        click.echo(f"{len(failed)} of {len(verdicts)} claims do not hold: {named}", err=True)
    return 1 if failed else 0


def _page(verdicts: Sequence[Verdict], chosen: Sequence[Check], seeds: Sequence[int], folder: Path) -> str:
    """The page of the lecture, with the pictures of screens that are beside it: `lecture/S02.svg` and so on."""
    import platform
    from importlib.metadata import version

    from tui_trainer.config.preset import load
    from tui_trainer.lecture.report import as_page

    presets = {one.row: one.presets for one in chosen}
    names = dict.fromkeys(name for one in chosen for name in one.presets)
    lessons = {name: lesson for name in names if (lesson := load(name).first.lesson) is not None}
    made_with = f"torch {version('torch')}, scikit-learn {version('scikit-learn')}, Python {platform.python_version()}"
    pictures = {
        one.row: f"lecture/{one.row}.svg" for one in chosen if (folder / "lecture" / f"{one.row}.svg").is_file()
    }
    return as_page(verdicts, presets, lessons, seeds, made_with, pictures)
