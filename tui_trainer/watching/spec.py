"""The script that a watching process is asked to run, and the first files of its run."""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomli_w

from tui_trainer import __version__
from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.host.spec import socket_or_none
from tui_trainer.paths import checked_name, new_run_name, writable_runs_dir
from tui_trainer.runs.comparing.code_version import CodeReader
from tui_trainer.text import visible
from tui_trainer.watching.metric_patterns import parse_metric


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """A script to be watched.

    Attributes:
        command: the script with its arguments.
        path: the folder of the run.
        title: the name that was asked for, or that of the script.
        metrics: patterns of the user, as they were typed.
        socket: where viewers connect; empty where there is no directory for it.
        python_path: PYTHONPATH of the script, None for none.
        mirror: kinds of files for other programs that are written meanwhile.
        guards: rules that are armed at the first step.
    """

    command: tuple[str, ...]
    path: str
    title: str
    metrics: tuple[str, ...]
    socket: str
    python_path: str | None
    mirror: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the run."""
        return Path(self.path).name

    def encode(self) -> bytes:
        """Return the spec as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> WatchSpec:
        """Return the spec that `encode` returned."""
        table: dict[str, Any] = json.loads(data)
        for key in ("command", "metrics", "mirror", "guards"):
            table[key] = tuple(table[key])
        return cls(**table)


def make_spec(
    command: Sequence[str],
    name: str | None,
    metrics: Sequence[str],
    runs_dir: str | None,
    mirror: Sequence[str] = (),
    guards: Sequence[str] = (),
) -> WatchSpec:
    """Check what was asked for. Raises `UserError` for what cannot be run."""
    if not command:
        raise UserError("watch: no script; write the command after --, as in: tui-trainer watch -- python train.py")
    for metric in metrics:
        parse_metric(metric)
    for rule in guards:
        try:
            parse_rule(rule)
        except UserError as error:
            raise UserError(f"--guard: {error}") from None
    if shutil.which(command[0]) is None:
        raise UserError(f"watch: {command[0]!r} is not a program that can be run here")
    title = checked_name(name, "--name") if name is not None else title_of(command)
    directory = writable_runs_dir(runs_dir).absolute()
    path = directory / (name if name is not None else new_run_name(title))
    return WatchSpec(
        tuple(command),
        str(path),
        title,
        tuple(metrics),
        socket_or_none(path),
        os.environ.get("PYTHONPATH"),
        tuple(mirror),
        tuple(guards),
    )


def title_of(command: Sequence[str]) -> str:
    """Return what a script is called: the first argument that is a file of code, else the program."""
    for index, word in enumerate(command[1:], 1):
        if word == "-m" and index + 1 < len(command):
            return command[index + 1].rpartition(".")[2] or "script"
        if word.endswith((".py", ".sh", ".ipynb")):
            return Path(word).stem or "script"
    return Path(command[0]).name


def document(spec: WatchSpec, config: Any = None) -> dict[str, Any]:
    """Return what run.toml holds: how the script was started, and its configuration where its Monitor gives one."""
    script = {"command": list(spec.command), "directory": _directory(), "watched": True}
    if spec.metrics:
        script["metrics"] = list(spec.metrics)
    if spec.guards:
        script["guards"] = list(spec.guards)
    return {"kind": "script", "title": spec.title, "script": script, "config": config or {}}


def as_toml(content: dict[str, Any]) -> str:
    """Return the text of run.toml."""
    return tomli_w.dumps(content)


def about(spec: WatchSpec) -> dict[str, Any]:
    """Return what about.json holds."""
    code = CodeReader().result()
    return {
        "name": spec.name,
        "preset": spec.title,
        "title": spec.title,
        "kind": "script",
        "started": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "command": list(spec.command),
        "directory": _directory(),
        "git_commit": f"{code.commit}{'-dirty' if code.changed_count else ''}" if code and code.commit else "",
        "code": code.model_dump(mode="json") if code is not None else None,
        "versions": {"tui-trainer": __version__, "python": platform.python_version()},
        "device": "",
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "executable": sys.executable,
    }


def shown(command: Sequence[str]) -> str:
    """Return a command as it is typed."""
    return visible(shlex.join(command))


def _directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""
