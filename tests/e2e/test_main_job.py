"""The main job on a pseudo-terminal: start a preset, steer it, detach, attach and stop it."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import TINY
from tests.fork_server import ForkServer
from tests.support import wait_for
from tests.ui.terminal.pseudo_terminal import Pseudo


@pytest.fixture
def workspace(tmp_path, tmp_path_factory, forks):
    """A directory with a preset that trains for a long time and a short one."""
    (tmp_path / "long.toml").write_text(TINY.replace("epochs = 4", "epochs = 100000\nsteps_per_second = 500"))
    (tmp_path / "short.toml").write_text(TINY)
    workspace = Workspace(tmp_path, str(tmp_path_factory.mktemp("s")), forks)
    yield workspace
    workspace.close()


class Workspace:
    """Screens and commands that share a runs directory."""

    def __init__(self, directory: Path, sockets: str, forks: ForkServer) -> None:
        self.directory = directory
        self._forks = forks
        self.environ = {"XDG_RUNTIME_DIR": sockets, "TUI_TRAINER_RUNS": str(directory / "runs")}
        self.screens: list[Pseudo] = []

    def screen(self, *arguments: str, size: tuple[int, int] = (120, 36)) -> Pseudo:
        pseudo = Pseudo(sys.executable, "-m", "tui_trainer", *arguments, size=size, **self.environ)
        self.screens.append(pseudo)
        return pseudo

    def runs(self) -> list[dict]:
        """Return what `tui-trainer runs --json` lists."""
        line = [sys.executable, "-m", "tui_trainer", "runs", "--json"]
        return json.loads(self._forks.run(line, cwd=self.directory, env=os.environ | self.environ).stdout)

    def hosts(self) -> list[int]:
        """Return the processes that hold a run of this workspace."""
        pids = []
        for lock in (self.directory / "runs").glob("*/.lock"):
            pid = json.loads(lock.read_text())["pid"]
            if Path(f"/proc/{pid}").exists() and "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text():
                pids.append(pid)
        return pids

    def close(self) -> None:
        for pseudo in self.screens:
            pseudo.close()
        for pid in self.hosts():
            os.kill(pid, 9)


def test_run_change_the_schedule_detach_attach_stop(workspace):
    first = workspace.screen("run", str(workspace.directory / "long.toml"))
    first.shows("running", seconds=120)
    first.until(lambda: re.search(r"epoch +\d+/100000", first.text))
    (run,) = workspace.runs()

    first.press("s")
    first.shows("cosine")
    first.press("\x1b[H" + "\x1b[B" * 6)
    first.shows("cosine ends at 0")
    first.press("\r")
    first.until(lambda: "enter accept" not in first.text)
    first.press("o")
    first.shows("rate ÷10")
    first.press("d")
    first.until(lambda: workspace.runs()[0]["metrics"]["lr"] == pytest.approx(0.01, rel=0.01), seconds=120)

    first.press("d")
    assert first.leave() == 0
    assert first.restored()
    assert "tui-trainer attach" in first.raw.decode(errors="replace")
    step = workspace.runs()[0]["step"]
    wait_for(lambda: workspace.runs()[0]["step"] > step, what="training to go on without a screen")

    second = workspace.screen("attach")
    second.shows("running", seconds=120)
    third = workspace.screen("attach", run["name"], "--read-only")
    third.shows("running", seconds=120)
    second.press(" ")
    second.shows("paused")
    third.shows("paused")
    third.press(" ")
    third.until(lambda: "read only" in third.text.lower() or "read-only" in third.text.lower())
    assert workspace.runs()[0]["status"] == "paused"

    second.press("q")
    second.shows("Stop and save")
    second.press("s")
    assert second.leave(120) == 0
    assert second.restored()
    third.shows("stopped")
    third.press("q")
    assert third.leave() == 0
    (run,) = workspace.runs()
    assert (run["status"], run["reason"]) == ("finished", "stopped")
    wait_for(lambda: not workspace.hosts(), what="the host to be gone")
    assert list(Path(workspace.environ["XDG_RUNTIME_DIR"]).glob("tui-trainer/*")) == []


def test_a_run_that_ends_stays_on_the_screen_with_its_summary(workspace):
    screen = workspace.screen("run", str(workspace.directory / "short.toml"))
    screen.shows("Finished: ", seconds=120)
    screen.shows("all 4 epochs trained")
    screen.press("q")
    assert screen.leave() == 0
    assert screen.restored()
    again = workspace.screen("open", workspace.runs()[0]["path"])
    again.shows("Finished: ", seconds=120)
    again.press(" ")
    again.until(lambda: "over" in again.text)
    again.press("q")
    assert again.leave() == 0


def test_training_in_the_same_process_is_saved_on_quit(workspace):
    screen = workspace.screen("run", str(workspace.directory / "long.toml"), "--in-process")
    screen.shows("running", seconds=120)
    screen.until(lambda: re.search(r"epoch +\d+/100000", screen.text))
    screen.press("q")
    screen.shows("Stop and save")
    screen.press("s")
    assert screen.leave(120) == 0
    assert screen.restored()
    (run,) = workspace.runs()
    assert (run["status"], run["reason"]) == ("finished", "stopped")
    assert (Path(run["path"]) / "checkpoints" / "last.safetensors").exists()


@pytest.mark.long
def test_a_missing_device_closes_the_screen_with_the_reason_and_exit_code_2(workspace):
    screen = workspace.screen("run", str(workspace.directory / "short.toml"), "--device", "cuda:9")
    assert screen.leave(120) == 2
    assert screen.restored()
    assert "cuda:9" in screen.raw.decode(errors="replace").rsplit("\x1b[?1049l")[-1]
    assert workspace.runs() == []


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimizer.lrr=1"], "tui-trainer: command line: optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["model.kind=import", "model.path=os:getcwd"], "would import and run code: model.path = 'os:getcwd'"),
    ],
)
def test_an_invalid_configuration_closes_the_screen_with_one_line(workspace, overrides, message):
    screen = workspace.screen("run", str(workspace.directory / "short.toml"), *overrides)
    assert screen.leave(120) == 2
    assert screen.restored()
    text = screen.raw.decode(errors="replace").rsplit("\x1b[?1049l")[-1]
    assert message in text
    assert "Traceback" not in text
    assert workspace.runs() == []
    assert workspace.hosts() == []


def test_an_unknown_preset_is_reported_without_a_screen(workspace):
    screen = workspace.screen("run", "digits-mlpp")
    assert screen.leave(120) == 2
    assert screen.raw.decode().splitlines() == [
        "tui-trainer: no preset 'digits-mlpp'; did you mean 'digits-mlp'? (`tui-trainer presets` lists them)"
    ]


def test_a_killed_host_is_reported_and_its_run_is_dead(workspace):
    screen = workspace.screen("run", str(workspace.directory / "long.toml"))
    screen.shows("running", seconds=120)
    (pid,) = workspace.hosts()
    os.kill(pid, 9)
    screen.until(lambda: "killed (SIGKILL); R resumes" in screen.text, seconds=120)
    screen.press("q")
    assert screen.leave() == 1
    assert workspace.runs()[0]["status"] == "dead"


def test_the_home_screen_starts_a_preset(workspace):
    screen = workspace.screen()
    screen.shows("digits-mlp", seconds=120)
    screen.press("q")
    assert screen.leave() == 0
    assert screen.restored()
