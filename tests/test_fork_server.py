"""Forked processes look like processes that an interpreter was started for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fork_server
from tests.fork_server import ForkServer
from tests.support import wait_for

pytestmark = pytest.mark.skipif(not fork_server.SUPPORTED, reason="processes are not forked here")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tui_trainer", *arguments]


@pytest.mark.parametrize("arguments", [["presets"], ["run", "digits-mlpp"]], ids=lambda value: value[0])
def test_output_and_exit_code_are_the_same(forks: ForkServer, tmp_path: Path, arguments: list[str]) -> None:
    real = subprocess.run(command(*arguments), cwd=tmp_path, capture_output=True, text=True, check=False)
    forked = forks.run(command(*arguments), cwd=tmp_path, env=os.environ)
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


def test_directory_and_environment_are_those_of_the_call(forks: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "here.toml").write_text("a = = 1")
    assert "line 1" in forks.run(command("run", "here.toml"), cwd=tmp_path, env=os.environ).stderr
    environ = os.environ | {"TUI_TRAINER_RUNS": "/proc/nothing"}
    assert "/proc/nothing" in forks.run(command("run", "digits-mlp", "--headless"), cwd=tmp_path, env=environ).stderr


def test_a_signal_is_its_exit_code(forks: ForkServer, tmp_path: Path) -> None:
    endless = command("run", "digits-mlp", "training.epochs=100000", "--headless")
    process = forks.popen(endless, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    assert process.poll() is None
    assert os.getpgid(process.pid) != process.pid
    assert process.stdout.readline()
    process.kill()
    assert process.wait(120) == -signal.SIGKILL
    process.stdout.close()


def test_a_session_of_its_own(forks: ForkServer, tmp_path: Path) -> None:
    line = [sys.executable, "-P", "-m", "tui_trainer.host.host"]
    process = forks.popen(line, cwd=tmp_path, stdin=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: os.getsid(process.pid) == process.pid)
    process.kill()
    assert process.wait(120) == -signal.SIGKILL
    process.stdin.close()


def test_other_programs_are_started_and_not_forked(forks: ForkServer) -> None:
    process = forks.popen([sys.executable, "-c", "import sys; sys.exit('torch' in sys.modules)"])
    assert isinstance(process, subprocess.Popen)
    assert process.wait(120) == 0
