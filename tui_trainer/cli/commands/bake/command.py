"""`tui-trainer bake`: write a steered run as a preset that repeats it."""

from __future__ import annotations

import click

from tui_trainer.cli.options import binary_output, force_option, runs_dir_option
from tui_trainer.text import visible


@click.command(epilog="Example: tui-trainer bake last -o warm-restart.toml")
@click.argument("run", metavar="RUN")
@click.option("-o", "output", metavar="FILE", help="Output file; without it the preset is printed.")
@force_option
@runs_dir_option
def command(run: str, output: str | None, force: bool, runs_dir: str | None) -> int:
    """Write RUN as a preset: its settings, and every intervention that was not undone as an action at its step.

    `tui-trainer run FILE.toml` then repeats the run without a driver, every number the same on the same machine, until
    a key changes the training. A run that was stopped is stopped there again; one that has not ended is trained to its
    end.
    """
    from pathlib import Path
    from shlex import quote

    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.bake import bake
    from tui_trainer.runs.catalog import find_runs

    infos = find_runs(run, directory(runs_dir))
    if len(infos) > 1:
        raise UserError(f"{run!r} has {len(infos)} runs; bake one of them: {', '.join(info.name for info in infos)}")
    (info,) = infos
    baked = bake(Path(info.path), info.name)
    if output is None or output == "-":
        for line in baked.text.splitlines():
            click.echo(visible(line))
        return 0
    try:
        with binary_output(expanded(output), repr(output), force=force) as file:
            file.write(baked.text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename or output}: {error.strerror}") from None
    count = f"{baked.actions} action{'s' if baked.actions != 1 else ''}"
    click.echo(visible(f"{output}: {count} written; train it with: tui-trainer run {quote(output)}"), err=True)
    return 0
