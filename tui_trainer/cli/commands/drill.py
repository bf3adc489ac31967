"""`tui-trainer drill`: open a rescue drill, score it, hand it in, or verify what was handed in."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import (
    check_output_file,
    force_option,
    json_option,
    on_terminal,
    output_file,
    print_json,
    print_table,
    runs_dir_option,
)
from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.paths import runs_dir as directory_of
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.drills.hand_in import Judged
    from tui_trainer.drills.score import Score
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.ui.printing.request import ScreenRequest

SEEDS = (0, 1, 2, 3, 4)
"""Seeds of a measurement."""
MOST_SEEDS = 10_000
"""Seeds that are drawn from where none is given."""


@click.command(
    epilog="""\b
Examples:
  tui-trainer drill
  tui-trainer drill 3 --seed 7
  tui-trainer drill --hand-in last
  tui-trainer drill --verify last"""
)
@click.argument("name", metavar="[NAME]", default="")
@click.option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Seed of the run, and of the draw without a NAME."
)
@click.option("--list", "as_list", is_flag=True, help="List the drills.")
@click.option("--hand-in", metavar="RUN", help="Print the score of RUN, and the line to hand in.")
@click.option("--verify", metavar="RUN|LINE", help="Train RUN, or the run of a LINE, again and confirm its score.")
@click.option("--measure", metavar="FILE", help="Train known good runs and reference solutions; write them to FILE.")
@force_option
@click.option("--headless", is_flag=True, help="Train without a screen.")
@click.option("--detach", is_flag=True, help="Train in the background; `attach` shows the run later.")
@runs_dir_option
@json_option
@once_options(RUN_SCREENS)
def command(
    name: str,
    seed: int | None,
    as_list: bool,
    hand_in: str | None,
    verify: str | None,
    measure: str | None,
    force: bool,
    headless: bool,
    detach: bool,
    runs_dir: str | None,
    as_json: bool,
    once: ScreenRequest | None,
) -> int:
    """Open a rescue drill: a run that is sick. Name its cause (key !), then cure it.

    NAME is a drill or its number. Without one it is drawn by the seed: the same --seed gives a class the same drill and
    the same run. The score counts the cause, the loss at the end compared with a known good run, steps, interventions
    and hints. --hand-in prints it with a line that names seed, score and the hash of the journal; --verify trains the
    run again with its interventions, and exits with 1 if the score, the curves or the line are not confirmed.
    """
    modes = {"--list": as_list, "--hand-in": hand_in, "--verify": verify, "--measure": measure}
    given = [option for option, value in modes.items() if value]
    if len(given) > 1:
        raise click.UsageError(f"use only one of {' and '.join(given)}")
    if given and given[0] != "--measure" and (name or seed is not None):
        raise click.UsageError(f"{given[0]} takes no drill and no --seed: they are those of the run")
    if given and (headless or detach or once is not None):
        raise click.UsageError(f"{given[0]} opens no screen: leave out --headless, --detach and --once")
    if sum((headless, detach, once is not None)) > 1:
        raise click.UsageError("use only one of --headless, --detach and --once")
    if force and measure is None:
        raise click.UsageError("--force needs --measure FILE")
    if as_json and not (as_list or hand_in is not None or verify is not None):
        raise click.UsageError("--json needs --list, --hand-in or --verify")
    if as_list:
        return _list(as_json)
    if hand_in is not None:
        return _hand_in(hand_in, runs_dir, as_json)
    if verify is not None:
        return _verify(verify, runs_dir, as_json)
    if measure is not None:
        return _measure(name, measure, force, SEEDS if seed is None else (seed,))
    return _open(name, seed, runs_dir, headless, detach, once)


def _list(as_json: bool) -> int:
    from tui_trainer.drills.library import list_drills

    drills = list_drills()
    if as_json:
        print_json([{"name": drill.name, "title": drill.title, "summary": drill.summary} for drill in drills])
    else:
        print_table([(drill.name, drill.title, drill.summary) for drill in drills], ("name", "title", "summary"))
    return 0


def _open(
    name: str,
    seed: int | None,
    runs_dir: str | None,
    headless: bool,
    detach: bool,
    once: ScreenRequest | None,
) -> int:
    from tui_trainer.drills.library import draw_drill, find_drill

    seed = random.randrange(MOST_SEEDS) if seed is None else seed
    drill = find_drill(name) if name else draw_drill(seed)

    def new_spec() -> HostSpec:
        from tui_trainer.config.preset import load
        from tui_trainer.host.spec import host_spec

        return host_spec(
            load(drill, [f"training.seed={seed}"]), runs_dir, None, ["tui-trainer", *sys.argv[1:]], trust=False
        )

    click.echo(f"{drill}, seed {seed}", err=True)
    if detach:
        from tui_trainer.cli.launch_detached import launch_detached

        return launch_detached(new_spec())
    if headless or not (on_terminal() or once is not None):
        from tui_trainer.cli.headless import train

        return train(new_spec())
    from tui_trainer.cli.open_screen import check_terminal, launch_and_show

    if once is None:
        check_terminal()
    code = launch_and_show(new_spec, once=once)
    if once is None:
        _print_score(drill, runs_dir)
    return code


def _print_score(drill: str, runs_dir: str | None) -> None:
    """Print the score of the run that was left, which may be a new start of the one that was opened."""
    try:
        judged = _judge(drill, runs_dir)
    except UserError:
        return  # it did not begin, or is gone: the closing message of the screen says so
    if judged.history.finished is None:
        click.echo("the drill is still training; `tui-trainer attach` shows it, `drill --hand-in last` its score")
        return
    _print(judged)
    click.echo(f"hand in: tui-trainer drill --hand-in {visible(judged.folder.name)}")


def _judge(run: str, runs_dir: str | None) -> Judged:
    from tui_trainer.drills.hand_in import judge
    from tui_trainer.runs.catalog import find_run

    info = find_run(run, directory_of(runs_dir))
    return judge(Path(info.path), info.name)


def _print(judged: Judged, *, err: bool = False) -> None:
    from tui_trainer.drills.library import load_drill

    for line in judged.score.lines(load_drill(judged.score.drill)):
        click.echo(visible(line), err=err)


def _hand_in(run: str, runs_dir: str | None, as_json: bool) -> int:
    judged = _judge(run, runs_dir)
    if judged.history.finished is None:
        raise UserError(f"run {judged.folder.name!r} is not over; stop it first (key e, or `tui-trainer send`)")
    if as_json:
        print_json(_values(judged))
        return 0
    _print(judged, err=True)
    click.echo(visible(judged.line))
    return 0


def _values(judged: Judged) -> dict[str, object]:
    import math

    found = judged.score
    return {
        "drill": found.drill,
        "seed": found.seed,
        "points": found.points,
        "cause": {"named": found.named, "right": found.right, "before_intervening": found.first},
        "recovered": found.recovered,
        "steps": found.steps,
        "interventions": found.interventions,
        "starts": found.starts,
        "hints": found.hints,
        "loss": found.loss if math.isfinite(found.loss) else None,
        "good": found.good,
        "target": found.target,
        "remark": found.remark,
        "line": judged.line,
    }


def _verify(given: str, runs_dir: str | None, as_json: bool) -> int:
    from tui_trainer.cli.headless import train
    from tui_trainer.drills.hand_in import check_line, damage, judge, parse_line
    from tui_trainer.runs.catalog import find_run
    from tui_trainer.session.replay import compare_replay, replay_spec

    line = parse_line(given)
    info = find_run(line.run if line is not None else given, directory_of(runs_dir))
    judged = judge(Path(info.path), info.name)
    problem = check_line(line, judged) if line is not None else damage(judged.folder)
    if problem:
        return _verdict(judged, [problem], as_json)
    spec = replay_spec([(info, judged.history)], runs_dir, ["tui-trainer", *sys.argv[1:]])
    train(_at_full_speed(spec))
    replay = Path(spec.runs[0].path)
    same, lines = compare_replay(judged.history, Path(info.path), replay)
    problems = [] if same else lines
    again = judge(replay, info.name).score
    if _result(again) != _result(judged.score):
        problems.append(f"trained again, it has {again.points} points")
    return _verdict(judged, problems, as_json)


def _verdict(judged: Judged, problems: Sequence[str], as_json: bool) -> int:
    """Print what a verification found; return the exit code."""
    if as_json:
        print_json({**_values(judged), "confirmed": not problems, "problems": [*problems]})
    else:
        for problem in problems:
            click.echo(visible(f"not confirmed: {problem}"))
        if not problems:
            click.echo(visible(f"confirmed: {judged.line}"))
    return 1 if problems else 0


def _result(found: Score) -> tuple[object, ...]:
    """Return what a replay has to confirm; the losses are compared with the curves."""
    return found.points, found.steps, found.named, found.interventions, found.hints


def _at_full_speed(spec: HostSpec) -> HostSpec:
    """Return the spec without the limit of steps per second, which changes no number."""

    def hurried(config: dict[str, object]) -> dict[str, object]:
        training = config.get("training")
        return {**config, "training": {**(training if isinstance(training, dict) else {}), "steps_per_second": 0.0}}

    runs = tuple(run.model_copy(update={"config": hurried(run.config)}) for run in spec.runs)
    return spec.model_copy(update={"runs": runs})


def _measure(name: str, given: str, force: bool, seeds: Sequence[int]) -> int:
    import json

    from tui_trainer.drills.library import find_drill, list_drills, read_measured

    path = expanded(given)
    check_output_file(path, f"--measure {given!r}", force=force)
    if not path.parent.is_dir():
        raise UserError(f"--measure {given!r}: the directory {str(path.parent)!r} does not exist")
    names = [find_drill(name)] if name else [drill.name for drill in list_drills()]
    before = read_measured(path) if path.is_file() else {}
    click.echo("importing torch ...", err=True)
    from tui_trainer.drills.measure import measure

    found = {**before, **measure(names, seeds, lambda line: click.echo(line, err=True))}
    with output_file(path, f"--measure {given!r}", force=force) as file:
        file.write(json.dumps(dict(sorted(found.items())), indent=2) + "\n")
    return 0
