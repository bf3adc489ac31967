"""`tui-trainer bake`: write a steered run as a preset that repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import binary_output, force_option, runs_dir_option
from tui_trainer.text import visible

if TYPE_CHECKING:
    from pathlib import Path


@click.command(epilog="Example: tui-trainer bake last -o warm-restart.toml")
@click.argument("run", metavar="RUN")
@click.option(
    "--as",
    "form",
    type=click.Choice(["preset", "torch"]),
    default="preset",
    show_default=True,
    help="What to write: a preset, or a torch script that runs without this package.",
)
@click.option("-o", "output", metavar="FILE", help="Output file; without it the preset or script is printed.")
@force_option
@runs_dir_option
def command(run: str, form: str, output: str | None, force: bool, runs_dir: str | None) -> int:
    """Write RUN as a preset: its settings, and every intervention that was not undone as an action at its step.

    `tui-trainer run FILE.toml` then repeats the run without a driver, every number the same on the same machine, until
    a key changes the training. A run that was stopped is stopped there again; one that has not ended is trained to its
    end.

    With --as torch it is one plain torch script instead, which needs no tui-trainer: data, model, schedule and training
    as code, each intervention at its step. It holds digits and the other tables of scikit-learn, CSV files and texts;
    of anything else the message says what it is.
    """
    from pathlib import Path
    from shlex import quote

    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs

    infos = find_runs(run, directory(runs_dir))
    if len(infos) > 1:
        raise UserError(f"{run!r} has {len(infos)} runs; bake one of them: {', '.join(info.name for info in infos)}")
    (info,) = infos
    text, done = _written(Path(info.path), info.name, form)
    if output is None or output == "-":
        for line in text.splitlines():
            click.echo(visible(line))
        return 0
    try:
        with binary_output(expanded(output), repr(output), force=force) as file:
            file.write(text.encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename or output}: {error.strerror}") from None
    trainer = "tui-trainer run" if form == "preset" else "python"
    click.echo(visible(f"{output}: {done} written; train it with: {trainer} {quote(output)}"), err=True)
    return 0


def _written(folder: Path, name: str, form: str) -> tuple[str, str]:
    """Return a run as text, and its interventions in words; says where the data have changed since."""
    if form == "preset":
        from tui_trainer.runs.bake import bake

        baked = bake(folder, name)
        return baked.text, f"{baked.actions} action{'s' if baked.actions != 1 else ''}"
    from tui_trainer.runs.torch_script.torch_script import torch_script

    script = torch_script(folder, name)
    if script.warning:
        click.echo(visible(f"warning: {script.warning}"), err=True)
    return script.text, f"{script.interventions} intervention{'s' if script.interventions != 1 else ''}"
