"""Directories for runs, presets and sockets, and the rule for names."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from datetime import datetime
from pathlib import Path

from tui_trainer.errors import UserError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Pattern for names of runs, variants and checkpoints: safe as a file name and as a command-line argument."""


def checked_name(name: str, what: str = "name") -> str:
    """Return `name` unchanged if it is valid; `what` names it in the error.

    Raises:
        UserError: the name does not match `NAME`.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{what} {name!r}: use 1 to 64 letters, digits, dots, dashes and underscores; begin with a letter or digit"
        )
    return name


def new_name(name: str, what: str = "name") -> str:
    """Return the name of a new run unchanged if it is valid and can be told from other ways to name a run.

    Raises:
        UserError: the name does not match `NAME`, or means the newest run, or is a number.
    """
    if checked_name(name, what) == "last" or name.isdecimal():
        means = "the newest run" if name == "last" else "a number of a list"
        raise UserError(f"{what} {name!r}: this means {means} in other commands; choose another, such as run-{name}")
    return name


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path in which `~` is the home folder, unchanged where there is no such folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def runs_dir(option: str | os.PathLike[str] | None = None) -> Path:
    """Return the runs directory: the option, else `TUI_TRAINER_RUNS`, else `./runs`. It may not exist yet."""
    return expanded(option or os.environ.get("TUI_TRAINER_RUNS") or "runs")


def writable_runs_dir(option: str | os.PathLike[str] | None = None) -> Path:
    """Return the runs directory and create it if it is missing.

    Raises:
        UserError: the directory cannot be created or written.
    """
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
    """Return a unique run name that sorts by time: `2026-11-23_140312_digits-mlp_7f3a`."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", preset)[:38].strip("-.") or "run"
    return f"{(now or datetime.now()).strftime('%Y-%m-%d_%H%M%S')}_{stem}_{os.urandom(2).hex()}"


def presets_dir() -> Path:
    """Return the directory of the bundled presets. All code finds presets through this function.

    The repository keeps `presets/` at its top level. The wheel contains a copy inside the package (`force-include` in
    pyproject.toml), because an installed package has no repository around it.
    """
    package = Path(__file__).parent
    installed = package / "presets"
    return installed if installed.is_dir() else package.parent / "presets"


def socket_dir() -> Path:
    """Return the directory for sockets, private to this user, and create it if it is missing.

    It is `$XDG_RUNTIME_DIR/tui-trainer`, or a directory below the temporary directory if the variable is unset or its
    directory no longer exists (systemd removes it at the last logout).

    Raises:
        UserError: the directory cannot be created, or it belongs to another user.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime) and os.access(runtime, os.W_OK):
        path = Path(runtime) / "tui-trainer"
    else:
        path = Path(tempfile.gettempdir()) / f"tui-trainer-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise UserError(
            f"socket directory {path} cannot be created: {error.strerror}; set XDG_RUNTIME_DIR to a directory of yours"
        ) from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UserError(
            f"socket directory {path} is not a directory of this user; set XDG_RUNTIME_DIR to a directory of yours"
        )
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return path


def socket_path(run: Path) -> Path:
    """Return the socket path of the host that writes this run directory or group directory.

    The name is a hash: the system limits socket paths to about 100 bytes, and run directories may be longer.
    """
    import hashlib  # loads OpenSSL; a screen without a run does not need it

    digest = hashlib.sha256(os.fsencode(run.absolute())).hexdigest()
    return socket_dir() / f"{digest[:24]}.sock"
