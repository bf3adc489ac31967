"""Every command in every trouble that a system can make: it works, or it says one line; it never shows a traceback."""

from __future__ import annotations

import functools
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Shell
from tests.support import wait_for
from tui_trainer import paths
from tui_trainer.cli.main import main
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import check_readable

COMMANDS = {
    "home": "",
    "help": "--help",
    "version": "--version",
    "presets": "presets",
    "preset": "presets TINY",
    "presets-json": "presets --json",
    "runs": "runs RUNS",
    "runs-json": "runs --json RUNS",
    "doctor": "doctor RUNS",
    "doctor-json": "doctor --json RUNS",
    "diagnose": "diagnose done RUNS",
    "compare": "compare done done RUNS",
    "export": "export done --to csv -o - RUNS",
    "open": "open done RUNS",
    "attach": "attach done RUNS",
    "send": "send done pause RUNS",
    "bridge": "bridge done RUNS",
    "resume": "resume done RUNS",
    "resume-longer": "resume done --epochs 5 --headless RUNS",
    "replay": "replay done RUNS",
    "run": "run TINY --headless RUNS",
    "run-detached": "run TINY --detach training.epochs=1 RUNS",
    "lecture": "lecture",
    "unknown": "rnu",
}
TROUBLES = {
    "none": 'exec "$@"',
    "full": 'exec "$@" > /dev/full',
    "closed": 'exec "$@" >&-',
    "all-closed": 'exec "$@" <&- >&- 2>&-',
    "pipe": '(trap "" PIPE; "$@"; echo $? > "$CODE") | true; exit "$(cat "$CODE")"',
    "latin": 'PYTHONIOENCODING=latin-1 exec "$@"',
    "gone": 'mkdir gone; cd gone; rmdir ../gone; exec "$@"',
    "homeless": 'unset HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME; TMPDIR="$LONG" '
    'PYTHONPATH="$NOBODY:$PYTHONPATH" exec "$@"',
}
NOBODY = """
import pwd
def unknown(user):
    raise KeyError(f"getpwuid(): uid not found: {user}")
pwd.getpwuid = unknown
"""
Usual = Callable[[str], "subprocess.CompletedProcess[str]"]
TRAINING = ("run", "run-detached", "resume-longer")
"""Commands that go on where their lines cannot be written: a training does not end for want of a reader."""
QUICK = [
    ("presets", "full"),
    ("version", "pipe"),
    ("runs-json", "pipe"),
    ("preset", "latin"),
    ("runs", "gone"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory, forks):
    """A directory with a finished run, whose title Latin-1 does not have."""
    shell = Shell(tmp_path_factory.mktemp("troubles"), forks)
    (shell.directory / "tiny.toml").write_text(TINY.replace("Tiny", "学习 ü"))
    assert shell("run", "tiny.toml", "--name", "done").code == 0
    return shell.directory


def walk(place: Path, tmp_path: Path, command: str, trouble: str) -> subprocess.CompletedProcess[str]:
    """Run a command in trouble, in a directory of its own."""
    runs = tmp_path / "runs"
    if not runs.exists():
        subprocess.run(["cp", "-a", str(place / "runs"), str(runs)], check=True)
    long = tmp_path / ("x" * 100)
    long.mkdir(exist_ok=True)
    (tmp_path / "nobody").mkdir(exist_ok=True)
    (tmp_path / "nobody" / "sitecustomize.py").write_text(NOBODY)
    words = COMMANDS[command].replace("TINY", str(place / "tiny.toml")).replace("RUNS", f"--runs-dir {runs}").split()
    return subprocess.run(
        ["sh", "-c", TROUBLES[trouble], "sh", sys.executable, "-P", "-m", "tui_trainer", *words],
        cwd=tmp_path,
        env={**os.environ, "LONG": str(long), "CODE": str(tmp_path / "code"), "NOBODY": str(tmp_path / "nobody")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )


@pytest.fixture(scope="module")
def usual(place, tmp_path_factory):
    """A function that runs a command without trouble, once."""
    return functools.cache(lambda command: walk(place, tmp_path_factory.mktemp("usual"), command, "none"))


def check(place: Path, tmp_path: Path, command: str, trouble: str, usual: Usual) -> None:
    done = walk(place, tmp_path, command, trouble)
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert done.returncode in (0, 1, 2), (done.returncode, done.stderr)
    if done.returncode and "doctor" not in command and trouble != "all-closed":
        assert len([line for line in done.stderr.splitlines() if line.startswith("tui-trainer: ")]) == 1, done.stderr
    if trouble in ("closed", "all-closed", "pipe", "latin", "homeless"):
        code = usual(command).returncode
        assert done.returncode in ((0, code) if trouble == "pipe" else (code,)), done.stderr
    if trouble == "full" and command not in TRAINING:
        assert done.returncode != 0 or not usual(command).stdout


@pytest.mark.parametrize(("command", "trouble"), QUICK)
def test_a_command_in_trouble_shows_no_traceback(place, tmp_path, command, trouble, usual):
    check(place, tmp_path, command, trouble, usual)


@pytest.mark.long
@pytest.mark.parametrize("trouble", [trouble for trouble in TROUBLES if trouble != "none"])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_in_any_trouble_shows_a_traceback(place, tmp_path, command, trouble, usual):
    check(place, tmp_path, command, trouble, usual)


# -- directories for sockets ----------------------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path_factory, monkeypatch):
    """A temporary directory without a runtime directory, with a path that is short enough for a socket."""
    tmp_path = tmp_path_factory.mktemp("s")
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_the_runtime_directory_of_another_user_is_neither_used_nor_changed(temporary, monkeypatch):
    theirs = temporary / "theirs"
    theirs.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(theirs))
    real, other = os.stat, os.getuid() + 1

    def stat_of(path, *args, **options):
        found = real(path, *args, **options)
        fields = [*found]
        fields[stat.ST_UID] = other
        return os.stat_result(fields) if str(path) == str(theirs) else found

    monkeypatch.setattr(paths.os, "stat", stat_of)
    assert paths.socket_dir() == temporary / f"tui-trainer-{os.getuid()}"
    assert list(theirs.iterdir()) == []
    monkeypatch.setattr(paths.os, "stat", real)
    assert paths.socket_dir() == theirs / "tui-trainer"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_the_runtime_directory_that_su_leaves_behind_is_not_used(temporary, monkeypatch):
    theirs = temporary / "run1000"
    theirs.mkdir(mode=0o700)
    os.chown(theirs, 1000, 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(theirs))
    assert theirs not in paths.socket_path(temporary / "a").parents
    assert list(theirs.iterdir()) == []


def test_a_long_temporary_directory_gives_way_to_a_shorter_one(temporary, monkeypatch):
    for length in range(40, 120):
        long = "/" + "x" * length
        monkeypatch.setattr(paths.tempfile, "gettempdir", lambda long=long: long)
        assert all(len(os.fsencode(path / f"{'0' * 24}.sock")) <= paths.MAX_SOCKET_PATH for path in paths.socket_dirs())
        assert paths.socket_dirs()[-2:] == [Path(f"{top}/tui-trainer-{os.getuid()}") for top in ("/tmp", "/var/tmp")]


def test_without_any_place_for_a_socket_training_without_a_screen_works(tmp_path, monkeypatch, forks, capfd):
    (tmp_path / "tiny.toml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "socket_dirs", list)
    assert main(["run", "tiny.toml", "--headless", "--name", "a", "--runs-dir", "runs"]) == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"a"}
    assert main(["run", "tiny.toml", "--detach", "--name", "b", "--runs-dir", "runs"]) == 2
    assert "XDG_RUNTIME_DIR" in capfd.readouterr().err
    assert main(["doctor"]) == 1


def test_a_runs_directory_that_cannot_be_read_is_not_an_empty_one(tmp_path, monkeypatch):
    def iterdir(self):
        raise PermissionError(13, "Permission denied", str(self))

    check_readable(tmp_path / "missing")
    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(UserError, match="cannot be read: Permission denied; choose another with --runs-dir"):
        check_readable(tmp_path)


# -- signals --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_signals_that_were_ignored_stay_ignored(place, tmp_path):
    line = f'trap "" INT HUP; exec "$@" run {place}/tiny.toml --headless training.epochs=100000 --runs-dir {tmp_path}'
    process = subprocess.Popen(
        ["sh", "-c", line, "sh", sys.executable, "-m", "tui_trainer"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        while not process.stdout.readline().startswith(b"epoch "):
            assert process.poll() is None
        status = Path(f"/proc/{process.pid}/status").read_text()
        ignored = int(next(row.split()[1] for row in status.splitlines() if row.startswith("SigIgn:")), 16)
        assert ignored >> (signal.SIGINT - 1) & 1
        assert ignored >> (signal.SIGHUP - 1) & 1
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        for _ in range(3):
            assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert wait_for(lambda: process.poll() is not None)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate(timeout=120)
