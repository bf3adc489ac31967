"""`tui-trainer find-lr`: try growing learning rates on a preset or a run, and print the curve with its marks."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.commands.find_lr.sources import asked, preset, question, run, tried
from tui_trainer.cli.options import json_option, print_json, runs_dir_option, trust_option
from tui_trainer.errors import UserError
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.protocol.events import RateFound


@click.command(
    epilog="""\b
Examples:
  tui-trainer find-lr digits-mlp
  tui-trainer find-lr digits-mlp optimizer.kind=sgd --json
  tui-trainer find-lr last --low 1e-5 --high 1"""
)
@click.argument("source", metavar="PRESET|FILE.toml|RUN")
@click.argument("overrides", metavar="[KEY=VALUE ...]", nargs=-1)
@click.option("--steps", type=click.IntRange(10, 100), default=100, show_default=True, metavar="N", help="Steps.")
@click.option("--low", type=float, default=1e-6, show_default=True, metavar="RATE", help="First learning rate.")
@click.option("--high", type=float, default=10.0, show_default=True, metavar="RATE", help="Last learning rate.")
@click.option("--timeout", type=float, default=600.0, show_default=True, metavar="SECONDS", help="For a live run.")
@trust_option
@json_option
@runs_dir_option
def command(
    source: str,
    overrides: tuple[str, ...],
    steps: int,
    low: float,
    high: float,
    timeout: float,
    trust: bool,
    as_json: bool,
    runs_dir: str | None,
) -> int:
    """Try growing learning rates: a rate-range test, as a chart and three numbers.

    A PRESET is tried from its first weights, a finished RUN from those of its last checkpoint, a live RUN from those in
    hand. Nothing changes: every step is taken back, and a live run trains on as if it had not been asked.

    The price is printed on stderr first. The marks are the rate to take, where the smoothed loss has made 90 % of its
    fall (p), its steepest descent (s) and a tenth of the rate of its minimum (t). The exit code is 1 where there is no
    clear rate.
    """
    from tui_trainer.protocol.events import RateFound

    if not 0 < low < high < math.inf:
        raise UserError(f"find-lr: --low {low:g} --high {high:g}: give two rates above 0, the lower one first")
    values = [f"steps={steps}", f"low={low!r}", f"high={high!r}"]
    asked_for = question(values)
    if (config := preset(source, overrides, trust)) is not None:
        name, found = source, tried(source, config, None, asked_for)
    else:
        info = run(source, runs_dir)
        name = info.name
        if overrides:
            raise UserError(f"find-lr {source}: KEY=VALUE changes a preset; {name!r} is a run, tried as it is")
        if info.live:
            found = asked(info, values, timeout)
        else:
            from tui_trainer.config.preset import load
            from tui_trainer.config.trust import check_trust

            config = load(info.path).first
            check_trust([config], f"run {name!r}", trust)
            found = tried(name, config, Path(info.path) / "checkpoints", asked_for)
    assert isinstance(found, RateFound)
    if as_json:
        print_json({"name": name, **found.model_dump(mode="json", exclude={"seq", "at", "run", "cause"})})
    else:
        _print(found)
    return 0 if found.steepest is not None else 1


def _print(found: RateFound) -> None:
    from tui_trainer.protocol.describe import describe
    from tui_trainer.ui.steering.rate_chart import HEIGHT, WIDTH, plain_rate_chart

    width = min(max(shutil.get_terminal_size((WIDTH, HEIGHT)).columns, 20), 120)
    click.echo(plain_rate_chart(found, width))
    click.echo(visible(describe(found.model_copy(update={"cause": None})) or ""))
