"""`tui-trainer queue`: train one run after another."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence

import click

from tui_trainer.cli.on_event import on_event_option, parse_on_event
from tui_trainer.cli.options import json_option, print_json, print_table, runs_dir_option, trust_option
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import runs_dir as directory
from tui_trainer.paths import writable_runs_dir
from tui_trainer.queueing.entries import Entry
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.text import visible

_ACTIONS = ("list", "add", "run", "remove", "stop")


@click.command(
    epilog="""\b
Examples:
  tui-trainer queue add digits-mlp optimizer.lr=0.01
  tui-trainer queue add mine.toml --name mine
  tui-trainer queue run
  tui-trainer queue
  tui-trainer queue remove 2"""
)
@click.argument("action", metavar="[list|add|run|remove|stop]", default="list")
@click.argument("values", metavar="[PRESET [KEY=VALUE ...]|N]", nargs=-1)
@click.option("--name", metavar="NAME", help="add: name of the run directory; by default date, time and preset.")
@trust_option
@click.option("--foreground", is_flag=True, help="run: train from this process and print a line for each run.")
@on_event_option
@click.option("--now", is_flag=True, help="stop: save and stop the run that trains, too.")
@json_option
@runs_dir_option
def command(
    action: str,
    values: tuple[str, ...],
    name: str | None,
    trust: bool,
    foreground: bool,
    on_event: str | None,
    now: bool,
    as_json: bool,
    runs_dir: str | None,
) -> int:
    """List, change or train the queue of the runs directory.

    `add` puts a preset or a file at the end, with its settings as they are now. `run` trains the entries one after
    another in the background, also those added while it runs, and ends when none is left; a run that fails does not
    keep the next from starting. After a crash or a reboot `run` resumes the run that was cut.

    `remove N` takes out an entry that is not being trained. `stop` ends the runner; the run that trains goes on, or
    with --now is saved and stopped, and the next `run` resumes it.
    """
    if action not in _ACTIONS:
        raise click.UsageError(f"no action {visible(action)!r} of queue; {did_you_mean(action, _ACTIONS)}")
    if action in ("list", "run", "stop") and values:
        raise click.UsageError(f"queue {action} takes no {visible(values[0])!r}")
    if on_event is not None and action != "run":
        raise click.UsageError(f"--on-event belongs to `queue run`, not to queue {action}")
    match action:
        case "add":
            return _add(values, name, trust, runs_dir)
        case "remove":
            return _remove(values, runs_dir)
        case "run":
            return _run(foreground, parse_on_event(on_event), runs_dir)
        case "stop":
            return _stop(now, runs_dir)
        case _:
            return _list(as_json, runs_dir)


def _add(values: Sequence[str], name: str | None, trust: bool, runs_dir: str | None) -> int:
    from tui_trainer.queueing.editing import add

    if not values:
        raise click.UsageError("queue add needs a PRESET or a FILE.toml; `tui-trainer presets` lists the presets")
    file = QueueFile(writable_runs_dir(runs_dir).absolute())
    entry = add(file, values[0], values[1:], name=name, trust=trust)
    click.echo(entry.number)
    idle = file.runner.holder() is None
    then = "`tui-trainer queue run` starts the queue" if idle else "it is trained when its turn comes"
    click.echo(visible(f"{entry.preset} is entry {entry.number} of the queue; {then}"), err=True)
    return 0


def _remove(values: Sequence[str], runs_dir: str | None) -> int:
    from tui_trainer.queueing.editing import remove

    if len(values) != 1 or not values[0].isdecimal() or len(values[0]) > 18:
        raise click.UsageError("queue remove needs the number of an entry; `tui-trainer queue` lists them")
    entry = remove(QueueFile(directory(runs_dir).absolute()), int(values[0]))
    click.echo(visible(f"removed entry {entry.number}, {entry.preset}"), err=True)
    return 0


def _run(foreground: bool, on_event: tuple[str, ...], runs_dir: str | None) -> int:
    from tui_trainer.queueing.runner import Runner, start

    file = QueueFile(directory(runs_dir).absolute())
    queue = file.read()
    if file.runner.holder() is not None:
        click.echo("a runner works on this queue already; it trains new entries, too", err=True)
        return 0
    if queue.training is None and not queue.waiting:
        click.echo("nothing is waiting in the queue; `tui-trainer queue add PRESET` adds a run", err=True)
        return 0
    if foreground:
        return Runner(file, lambda line: click.echo(visible(line)), on_event).run()
    pid = start(file.directory, on_event)
    click.echo(visible(f"training the queue in the background (process {pid}); `tui-trainer queue` shows it"), err=True)
    return 0


def _stop(now: bool, runs_dir: str | None) -> int:
    file = QueueFile(directory(runs_dir).absolute())
    pid = file.runner.holder()
    entry = file.read().training
    if pid == 0:
        raise UserError(f"{file.runner.path}: the process of the runner is not known; end it by hand")
    if pid is None and not (now and entry is not None):
        click.echo("no runner works on this queue", err=True)
        return 0
    text = "no runner worked on this queue"
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        text = "stopped the runner"
    if entry is not None and now:
        from tui_trainer.runs.run_dir import owner_of

        folder = file.directory / entry.name
        variants = sorted(path.parent for path in folder.glob("*/events.jsonl"))
        owner = next((found for each in (folder, *variants) if (found := owner_of(each)) is not None), None)
        if owner is not None and owner.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(owner.pid, signal.SIGTERM)
            text += f"; {entry.name} is being saved, and `tui-trainer queue run` resumes it"
    elif entry is not None:
        text += f"; {entry.name} goes on; `tui-trainer send {entry.name} stop` ends it"
    click.echo(visible(text), err=True)
    return 0


def _list(as_json: bool, runs_dir: str | None) -> int:
    file = QueueFile(directory(runs_dir).absolute())
    queue = file.read()
    running = file.runner.holder() is not None
    if as_json:
        print_json([entry.to_json() for entry in queue.entries])
        return 0
    if not queue.entries:
        click.echo("the queue is empty; `tui-trainer queue add PRESET` adds a run", err=True)
        return 0
    print_table([_row(entry, running) for entry in queue.entries], ("n", "state", "preset", "run", "reason"))
    if not running and (queue.waiting or queue.training is not None):
        click.echo("no runner works on this queue; `tui-trainer queue run` starts one", err=True)
    return 0


def _row(entry: Entry, running: bool) -> tuple[str, ...]:
    state = "cut: `queue run` resumes it" if entry.state == "training" and not running else entry.state
    return (str(entry.number), state, " ".join([entry.preset, *entry.changes]), entry.name or "-", entry.reason or "-")
