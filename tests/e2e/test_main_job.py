"""The main job in a real terminal: a preset trains, obeys, is left, found again, and stopped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import TINY
from tests.support import wait_for
from tests.ui.terminal.pseudo_terminal import Pseudo


@pytest.fixture
def place(tmp_path, tmp_path_factory):
    """A directory with a preset that trains for a long time."""
    (tmp_path / "long.toml").write_text(TINY.replace("epochs = 4", "epochs = 100000"))
    (tmp_path / "short.toml").write_text(TINY)
    made = Place(tmp_path, str(tmp_path_factory.mktemp("s")))
    yield made
    made.close()


class Place:
    def __init__(self, directory: Path, sockets: str) -> None:
        self.directory = directory
        self.environ = {"XDG_RUNTIME_DIR": sockets, "TUI_TRAINER_RUNS": str(directory / "runs")}
        self.open: list[Pseudo] = []

    def screen(self, *arguments: str, size: tuple[int, int] = (120, 36)) -> Pseudo:
        pseudo = Pseudo(sys.executable, "-m", "tui_trainer", *arguments, size=size, **self.environ)
        self.open.append(pseudo)
        return pseudo

    def __call__(self, *arguments: str) -> str:
        root = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-m", "tui_trainer", *arguments],
            env=os.environ | self.environ | {"PYTHONPATH": root},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        return done.stdout

    def runs(self) -> list[dict]:
        return json.loads(self("runs", "--json"))

    def hosts(self) -> list[int]:
        """Processes that hold a run of this place."""
        found = []
        for lock in (self.directory / "runs").glob("*/.lock"):
            pid = json.loads(lock.read_text())["pid"]
            if Path(f"/proc/{pid}").exists() and "Z (zombie)" not in Path(f"/proc/{pid}/status").read_text():
                found.append(pid)
        return found

    def close(self) -> None:
        for pseudo in self.open:
            pseudo.close()
        for pid in self.hosts():
            os.kill(pid, 9)


def test_run_change_the_schedule_detach_attach_stop(place):
    first = place.screen("run", str(place.directory / "long.toml"))
    first.shows("starting", seconds=10)
    first.shows("running", seconds=60)
    first.until(lambda: re.search(r"epoch +\d+/100000", first.text))
    (run,) = place.runs()

    first.press("s")
    first.shows("cosine")
    first.press("\x1b[H" + "\x1b[B" * 6)
    first.shows("cosine ends at 0")
    first.press("\r")
    first.until(lambda: "enter accept" not in first.text)
    first.press("k")
    first.until(lambda: place.runs()[0]["metrics"]["lr"] == pytest.approx(0.01, rel=0.01), seconds=30)

    first.press("d")
    assert first.leave() == 0
    assert first.restored()
    assert "tui-trainer attach" in first.raw.decode(errors="replace")
    step = place.runs()[0]["step"]
    wait_for(lambda: place.runs()[0]["step"] > step, what="training to go on without a screen")

    second = place.screen("attach")
    second.shows("running", seconds=30)
    third = place.screen("attach", run["name"], "--read-only")
    third.shows("running", seconds=30)
    second.press(" ")
    second.shows("paused")
    third.shows("paused")
    third.press(" ")
    third.until(lambda: "read only" in third.text.lower() or "read-only" in third.text.lower())
    assert place.runs()[0]["status"] == "paused"

    second.press("q")
    second.shows("Stop and save")
    second.press("s")
    assert second.leave(30) == 0
    assert second.restored()
    third.shows("stopped")
    third.press("q")
    assert third.leave() == 0
    (run,) = place.runs()
    assert (run["status"], run["reason"]) == ("finished", "stopped")
    wait_for(lambda: not place.hosts(), what="the host to be gone")
    assert list(Path(place.environ["XDG_RUNTIME_DIR"]).glob("tui-trainer/*")) == []


def test_a_run_that_ends_stays_on_the_screen_with_its_summary(place):
    screen = place.screen("run", str(place.directory / "short.toml"))
    screen.shows("completed", seconds=60)
    screen.shows("all 4 epochs trained")
    screen.press("q")
    assert screen.leave() == 0
    assert screen.restored()
    again = place.screen("open", place.runs()[0]["path"])
    again.shows("completed", seconds=30)
    again.press(" ")
    again.until(lambda: "over" in again.text)
    again.press("q")
    assert again.leave() == 0


def test_training_in_the_same_process_is_left_saved(place):
    screen = place.screen("run", str(place.directory / "long.toml"), "--in-process")
    screen.shows("running", seconds=60)
    screen.until(lambda: re.search(r"epoch +\d+/100000", screen.text))
    screen.press("q")
    screen.shows("Stop and save")
    screen.press("s")
    assert screen.leave(30) == 0
    assert screen.restored()
    (run,) = place.runs()
    assert (run["status"], run["reason"]) == ("finished", "stopped")
    assert (Path(run["path"]) / "checkpoints" / "last.safetensors").exists()


def test_a_device_that_is_not_there_closes_the_screen_with_the_reason_and_exit_code_2(place):
    screen = place.screen("run", str(place.directory / "short.toml"), "--device", "cuda:9")
    assert screen.leave(60) == 2
    assert screen.restored()
    assert "cuda:9" in screen.raw.decode(errors="replace").rsplit("\x1b[?1049l")[-1]
    assert place.runs() == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["optimizer.lrr=1"], "tui-trainer: command line: optimizer.lrr: unknown key; did you mean 'lr'?"),
        (["model.kind=import", "model.path=os:getcwd"], "would import and run code: model.path = 'os:getcwd'"),
    ],
)
def test_what_the_models_refuse_closes_the_first_frame_and_is_said_in_one_line(place, overrides, said):
    screen = place.screen("run", str(place.directory / "short.toml"), *overrides)
    assert screen.leave(60) == 2
    assert screen.restored()
    left = screen.raw.decode(errors="replace").rsplit("\x1b[?1049l")[-1]
    assert said in left
    assert "Traceback" not in left
    assert place.runs() == []
    assert place.hosts() == []


def test_a_preset_that_is_not_there_is_said_without_a_screen(place):
    screen = place.screen("run", "digits-mlpp")
    assert screen.leave(60) == 2
    assert screen.raw.decode().splitlines() == [
        "tui-trainer: no preset 'digits-mlpp'; did you mean 'digits-mlp'? (`tui-trainer presets` lists them)"
    ]


def test_a_host_that_is_killed_is_said_and_its_run_is_dead(place):
    screen = place.screen("run", str(place.directory / "long.toml"))
    screen.shows("running", seconds=60)
    (pid,) = place.hosts()
    os.kill(pid, 9)
    screen.until(lambda: "killed (SIGKILL); R resumes it" in screen.text, seconds=30)
    screen.press("q")
    assert screen.leave() == 1
    assert place.runs()[0]["status"] == "dead"


def test_the_home_screen_starts_a_preset(place):
    screen = place.screen()
    screen.shows("digits-mlp", seconds=30)
    screen.press("q")
    assert screen.leave() == 0
    assert screen.restored()
