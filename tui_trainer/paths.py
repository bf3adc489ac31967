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
GENERATED_NAME = re.compile(r"(?P<time>\d{4}-\d\d-\d\d_\d{6})_(?P<preset>.+)_(?P<id>[0-9a-f]{4})")
"""Pattern of the names that `new_run_name` makes."""
MAX_SOCKET_PATH = 103
"""Bytes of a socket's path that every system takes: Linux takes 107, macOS 103."""
SOCKET_NAME_BYTES = 24 + len(".sock")
"""Bytes of the name of a socket."""


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

    It is the first of `socket_dirs` that is this user's, or can be made so.

    Raises:
        UserError: there is none.
    """
    reasons: list[str] = []
    for path in socket_dirs():
        try:
            path.mkdir(mode=0o700, exist_ok=True)
            status = path.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                reasons.append(f"{path} is not a directory of this user")
                continue
            if status.st_mode & 0o077:
                path.chmod(0o700)
            if os.access(path, os.W_OK | os.X_OK):
                return path
            reasons.append(f"{path} cannot be written")
        except OSError as error:
            reasons.append(f"{path} cannot be created: {error.strerror}")
    found = "; ".join(reasons) or "the paths of all temporary directories are too long"
    raise UserError(f"no socket directory: {found}; set XDG_RUNTIME_DIR to a directory of yours with a short path")


def socket_dirs() -> list[Path]:
    """Return the directories where sockets may be, the preferred one first. They may not exist.

    `$XDG_RUNTIME_DIR/tui-trainer` is one of them if the variable names a directory of this user: after `su` or
    `sudo -E` it names another user's, and systemd removes it at the last logout. The others lie in the temporary
    directories. All leave room for the name of a socket: the system limits the length of the whole path.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    temporary = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    paths = [Path(parent) / f"tui-trainer-{os.getuid()}" for parent in dict.fromkeys(temporary)]
    if os.path.isabs(runtime) and _is_own_directory(runtime):
        paths.insert(0, Path(runtime) / "tui-trainer")
    return [path for path in paths if len(os.fsencode(path)) + 1 + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH]


def _is_own_directory(path: str) -> bool:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and os.access(path, os.W_OK | os.X_OK)


def socket_path(run: Path) -> Path:
    """Return the socket path of the host that writes this run directory or group directory.

    The name is a hash: the system limits the length of socket paths, and run directories may be longer.

    Raises:
        UserError: there is no socket directory, or no working directory.
    """
    import hashlib  # loads OpenSSL; a screen without a run does not need it

    check_working_directory()
    digest = hashlib.sha256(os.fsencode(run.absolute())).hexdigest()
    return socket_dir() / f"{digest[:24]}.sock"


def check_working_directory() -> None:
    """Raise `UserError` if the working directory was removed: torch's libraries end a process that has none."""
    try:
        os.getcwd()
    except OSError as error:
        raise UserError(
            f"the working directory is gone ({error.strerror}); change to a directory that exists"
        ) from None
