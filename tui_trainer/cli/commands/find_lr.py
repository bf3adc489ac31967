"""`tui-trainer find-lr`: try growing learning rates on a preset or a run, and print the curve with its marks."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_trainer.cli.options import json_option, print_json, runs_dir_option, trust_option
from tui_trainer.errors import UserError
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.config.run_config import RunConfig
    from tui_trainer.protocol.commands import FindRate
    from tui_trainer.protocol.events import RateFound
    from tui_trainer.runs.catalog import RunInfo


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
    """Try growing learning rates: a rate-range test, as a chart and two numbers.

    A PRESET is tried from its first weights, a finished RUN from those of its last checkpoint, a live RUN from those in
    hand. Nothing changes: every step is taken back, and a live run trains on as if it had not been asked.

    The price is printed on stderr first. The marks are the steepest descent of the smoothed loss (s) and a tenth of
    the rate of its minimum (t). The exit code is 1 where there is no clear rate.
    """
    from tui_trainer.protocol.events import RateFound

    if not 0 < low < high < math.inf:
        raise UserError(f"find-lr: --low {low:g} --high {high:g}: give two rates above 0, the lower one first")
    values = [f"steps={steps}", f"low={low!r}", f"high={high!r}"]
    question = _question(values)
    if (config := _preset(source, overrides, trust)) is not None:
        name, found = source, _tried(source, config, None, question)
    else:
        info = _run(source, runs_dir)
        name = info.name
        if overrides:
            raise UserError(f"find-lr {source}: KEY=VALUE changes a preset; {name!r} is a run, tried as it is")
        if info.live:
            found = _asked(info, values, timeout)
        else:
            from tui_trainer.config.preset import load
            from tui_trainer.config.trust import check_trust

            config = load(info.path).first
            check_trust([config], f"run {name!r}", trust)
            found = _tried(name, config, Path(info.path) / "checkpoints", question)
    assert isinstance(found, RateFound)
    if as_json:
        print_json({"name": name, **found.model_dump(mode="json", exclude={"seq", "at", "run", "cause"})})
    else:
        _print(found)
    return 0 if found.steepest is not None else 1


def _question(values: list[str]) -> FindRate:
    from tui_trainer.protocol.command_parser import parse_command
    from tui_trainer.protocol.commands import FindRate

    question = parse_command("find-lr", values)
    assert isinstance(question, FindRate)
    return question


def _preset(source: str, overrides: tuple[str, ...], trust: bool) -> RunConfig | None:
    """Return the first run of a preset or a TOML file; None where the source is neither."""
    from tui_trainer.config.preset import load
    from tui_trainer.config.preset_library import preset_files
    from tui_trainer.config.trust import check_trust
    from tui_trainer.config.unused_settings import refuse_unused

    if source not in preset_files() and not source.endswith(".toml"):
        return None
    preset = load(source, list(overrides))
    variant, config = next(iter(preset.runs.items()))
    check_trust([config], preset.source, trust)
    refuse_unused(config, preset.source)
    if len(preset.runs) > 1:
        click.echo(visible(f"{source} has {len(preset.runs)} variants: trying {variant}"), err=True)
    return config


def _run(source: str, runs_dir: str | None) -> RunInfo:
    from tui_trainer.config.preset_library import preset_files
    from tui_trainer.errors import nearest
    from tui_trainer.paths import runs_dir as directory_of
    from tui_trainer.runs.catalog import find_run

    try:
        return find_run(source, directory_of(runs_dir))
    except UserError as missing:
        alike = nearest(source, preset_files())
        hint = f"; did you mean the preset {alike!r}?" if alike else "; `tui-trainer presets` lists the presets"
        raise UserError(f"no preset {source!r}, and {missing}{hint}") from None


def _tried(name: str, config: RunConfig, checkpoints: Path | None, question: FindRate) -> Any:
    from tui_trainer.engine.trying.bench import TrialBench
    from tui_trainer.protocol.describe import describe

    bench = TrialBench(name, config, checkpoints)
    price = bench.apply(question.model_copy(update={"price": True, "id": "price"}))
    click.echo(describe(price), err=True)
    return bench.apply(question.model_copy(update={"id": "search"}))


def _asked(info: RunInfo, values: list[str], timeout: float) -> RateFound:
    """Ask a live run for the price, then for the search."""
    from tui_trainer.cli.commands.send import sender
    from tui_trainer.protocol.events import RateFound
    from tui_trainer.session.connect import wait_until_listening
    from tui_trainer.session.request import HostStatus, request

    wait_until_listening(info)
    answer: dict[str, Any] | None = None
    for asked in ([*values, "price=true"], values):
        for message in request(Path(info.socket), "find-lr", asked, by=sender(), run=info.name, timeout=timeout):
            if isinstance(message, HostStatus):
                continue
            if message.code or message.event is None:
                raise UserError(f"{info.name}: {message.text.removeprefix('refused: ')}")
            answer = message.event
            if answer["priced"]:
                click.echo(visible(message.text), err=True)
    return RateFound.model_validate_json(json.dumps(answer))


def _print(found: RateFound) -> None:
    from tui_trainer.protocol.describe import describe
    from tui_trainer.ui.steering.rate_chart import HEIGHT, WIDTH, plain_rate_chart

    width = min(max(shutil.get_terminal_size((WIDTH, HEIGHT)).columns, 20), 120)
    click.echo(plain_rate_chart(found, width))
    click.echo(visible(describe(found.model_copy(update={"cause": None})) or ""))
