"""The runs that are tried: a preset or a finished run in this process, or a live run through its host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_trainer.errors import UserError
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.config.run_config import RunConfig
    from tui_trainer.protocol.commands import FindRate
    from tui_trainer.protocol.events import RateFound
    from tui_trainer.runs.catalog import RunInfo


def question(values: list[str]) -> FindRate:
    """Return the command with these KEY=VALUEs."""
    from tui_trainer.protocol.command_parser import parse_command
    from tui_trainer.protocol.commands import FindRate

    question = parse_command("find-lr", values)
    assert isinstance(question, FindRate)
    return question


def preset(source: str, overrides: tuple[str, ...], trust: bool) -> RunConfig | None:
    """Return the first run of a preset or a TOML file; None where the source is neither."""
    from tui_trainer.config.preset import load
    from tui_trainer.config.preset_library import preset_files
    from tui_trainer.config.trust import check_trust
    from tui_trainer.config.unused_settings import refuse_unused

    if source not in preset_files() and not source.endswith(".toml"):
        return None
    loaded = load(source, list(overrides))
    variant, config = next(iter(loaded.runs.items()))
    check_trust([config], loaded.source, trust)
    refuse_unused(config, loaded.source)
    if len(loaded.runs) > 1:
        click.echo(visible(f"{source} has {len(loaded.runs)} variants: trying {variant}"), err=True)
    return config


def run(source: str, runs_dir: str | None) -> RunInfo:
    """Find a run. Raises `UserError` where the source is neither a run nor a preset."""
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


def tried(name: str, config: RunConfig, checkpoints: Path | None, question: FindRate) -> Any:
    """Print the price, and return the outcome; the weights are those of the newest checkpoint, if there is one."""
    from tui_trainer.engine.trying.bench import TrialBench
    from tui_trainer.protocol.describe import describe

    bench = TrialBench(name, config, checkpoints)
    price = bench.apply(question.model_copy(update={"price": True, "id": "price"}))
    click.echo(describe(price), err=True)
    return bench.apply(question.model_copy(update={"id": "search"}))


def asked(info: RunInfo, values: list[str], timeout: float) -> RateFound:
    """Ask a live run for the price, then for the search."""
    from tui_trainer.cli.commands.send import sender
    from tui_trainer.protocol.events import RateFound
    from tui_trainer.session.connect import wait_until_listening
    from tui_trainer.session.request import HostStatus, request

    wait_until_listening(info)
    by, actor = sender()
    answer: dict[str, Any] | None = None
    for asked in ([*values, "price=true"], values):
        said = request(Path(info.socket), "find-lr", asked, by=by, actor=actor, run=info.name, timeout=timeout)
        for message in said:
            if isinstance(message, HostStatus):
                continue
            if message.code or message.event is None:
                raise UserError(f"{info.name}: {message.text.removeprefix('refused: ')}")
            answer = message.event
            if answer["priced"]:
                click.echo(visible(message.text), err=True)
    return RateFound.model_validate_json(json.dumps(answer))
