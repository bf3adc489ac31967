"""Where runs, sockets, presets and settings live, and what may be a name."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from datetime import datetime
from pathlib import Path

from tui_trainer.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a run, a variant or a checkpoint may be called: never a path, never an option, never a control character."""


def checked_name(name: str, what: str = "name") -> str:
    """The name itself. Raises `UserError` where it could not be a folder of its own."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{what} {name!r}: 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or a digit"
        )
    return name


def runs_dir(option: str | os.PathLike[str] | None = None) -> Path:
    """The runs directory: the option, else `TUI_TRAINER_RUNS`, else `./runs`. It need not exist yet."""
    return Path(option or os.environ.get("TUI_TRAINER_RUNS") or "runs")


def writable_runs_dir(option: str | os.PathLike[str] | None = None) -> Path:
    """The runs directory, made where it was missing. Raises `UserError` where nothing can be written in it."""
    path = runs_dir(option)
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe-{os.urandom(4).hex()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"runs directory {str(path)!r} cannot be written: {error.strerror}; choose another with --runs-dir DIR"
        ) from None
    return path


def new_run_name(preset: str, now: datetime | None = None) -> str:
    """A name that sorts by time, says the preset, and is not taken: `2026-11-23_140312_digits-mlp_7f3a`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", preset)[:38].strip("-.") or "run"
    return f"{(now or datetime.now()).strftime('%Y-%m-%d_%H%M%S')}_{stem}_{os.urandom(2).hex()}"


def presets_dir() -> Path:
    """The presets that came with the program: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def socket_dir() -> Path:
    """A directory that only this user can enter.

    `$XDG_RUNTIME_DIR/tui-trainer`, or one under the temporary directory where that is not set or gone (it goes away at
    the last logout). Raises `UserError` where such a directory belongs to somebody else.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime) and os.access(runtime, os.W_OK):
        path = Path(runtime) / "tui-trainer"
    else:
        path = Path(tempfile.gettempdir()) / f"tui-trainer-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise UserError(f"no directory for sockets: {path}: {error.strerror}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(f"{path} belongs to somebody else: sockets there would not be private; set XDG_RUNTIME_DIR")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def socket_path(run: Path) -> Path:
    """The socket of the host that writes the run folder (or the folder of a group). Short, whatever the folder is."""
    import hashlib  # a screen without a run does not wait for OpenSSL

    digest = hashlib.sha256(os.fsencode(run.absolute())).hexdigest()
    return socket_dir() / f"{digest[:24]}.sock"
