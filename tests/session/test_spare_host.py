"""Spare hosts: a run on one equals a run on a host started cold, and whatever does not fit falls back to that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from tests.session.conftest import SessionClient
from tests.support import tiny_config, wait_for
from tui_trainer.config.preset import Preset
from tui_trainer.host.spare import ready_line
from tui_trainer.host.spec import HostSpec, host_spec
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.describe import size
from tui_trainer.runs.history import first_difference, read_history
from tui_trainer.session import launch as launching
from tui_trainer.session.launch import launch
from tui_trainer.session.spare import running, spare_host
from tui_trainer.session.spare.spare_host import SpareHost

GREET = f"import os; os.write(1, {ready_line()!r})"


def paused(directory: Path, name: str) -> HostSpec:
    """A run of four epochs that waits before its first step."""
    config = tiny_config(data={"kind": "digits"}, training={"epochs": 4})
    spec = host_spec(Preset(name="tiny", source="test", runs={"": config}), str(directory), name, ["test"])
    (run,) = spec.runs
    return spec.model_copy(update={"runs": (run.model_copy(update={"commands": (cmd.Pause(id="pause"),)}),)})


@dataclass
class Seen:
    """A run, and what /proc said of its process while it was paused."""

    folder: Path
    pid: int
    process: dict[str, Any]

    @property
    def about(self) -> dict[str, Any]:
        return json.loads((self.folder / "about.json").read_text())

    @property
    def weights(self) -> dict[str, list[Any]]:
        with safe_open(self.folder / "checkpoints" / "last.safetensors", "pt") as file:
            return {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118

    @property
    def modes(self) -> list[int]:
        return [entry.stat().st_mode for entry in (self.folder, self.folder / "events.jsonl", self.folder / "run.toml")]


def train(directory: Path, name: str) -> Seen:
    launched = launch(paused(directory, name))
    client = SessionClient(launched.session())
    client.until(lambda: client.state.status == "paused", "the pause")
    seen = Seen(directory / name, launched.process.pid, process_of(launched.process.pid))
    client.session.send(cmd.Resume(id="resume"))
    client.until(lambda: client.state.over, "the end")
    assert launched.process.wait(120) == 0
    return seen


def process_of(pid: int) -> dict[str, Any]:
    """Return what a process inherited and how it is set up."""
    root = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (root / "status").read_text().splitlines())
    return {
        **{name: status[name] for name in ("SigIgn", "SigBlk", "SigCgt", "Umask", "Cpus_allowed")},
        "environ": sorted((root / "environ").read_text().split("\0")),
        "cwd": os.readlink(root / "cwd"),
        "descriptors": [os.readlink(root / "fd" / str(number)).rpartition("/")[2] for number in range(3)],
        "leads its session": os.getsid(pid) == pid,
        "priorities": {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in (root / "task").iterdir()},
        "limits": (root / "limits").read_text(),
    }


@pytest.fixture
def spare(monkeypatch) -> Iterator[SpareHost]:
    """The spare host that `launch` asks; its process is whatever a test says."""
    monkeypatch.setenv("TUI_TRAINER_SPARE", "1")
    spare = SpareHost()
    monkeypatch.setattr(launching, "SPARE", spare)
    spare.allow(False)
    yield spare
    spare.close()


@pytest.fixture
def fake(spare, monkeypatch) -> Callable[[str], SpareHost]:
    """Return a function that makes the spare host a process with this code, and starts it."""

    def start(code: str) -> SpareHost:
        def popen(args: list[str], **options: Any) -> Any:
            return subprocess.Popen([sys.executable, "-S", "-c", code], **options)

        names = ("PIPE", "DEVNULL")
        module = type(
            "module", (), {"Popen": staticmethod(popen), **{name: getattr(subprocess, name) for name in names}}
        )
        monkeypatch.setattr(spare_host, "subprocess", module)
        spare.prepare()
        wait_for(lambda: spare.pid, what="the process")
        return spare

    return start


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.long
def test_a_run_on_it_equals_one_that_was_started_cold(spare, tmp_path, monkeypatch):
    monkeypatch.setattr(launching, "subprocess", subprocess)  # a real process, not a fork of one with torch
    before = os.umask(0o027)
    try:
        cold = train(tmp_path, "cold")
        spare.prepare()
        wait_for(lambda: spare.ready, what="the spare host")
        pid = spare.pid
        warm = train(tmp_path, "warm")
    finally:
        os.umask(before)
    assert warm.pid == pid
    assert warm.process == cold.process
    assert warm.process["descriptors"] == ["null", "host.log", "host.log"]
    histories = [read_history(seen.folder / "events.jsonl") for seen in (cold, warm)]
    assert histories[0].last_step > 50
    assert len(histories[0].metrics) > 4
    assert first_difference(*histories) == ""
    assert warm.weights == cold.weights
    assert warm.modes == cold.modes
    assert (warm.folder / "host.log").read_text() == (cold.folder / "host.log").read_text()
    differing = {name for name in cold.about if cold.about[name] != warm.about.get(name)}
    assert differing <= {"name", "started", "color"}  # the color follows from the name


def test_it_ends_with_a_screen_that_is_killed(tmp_path):
    code = """
        import sys, time
        from tui_trainer.session.spare.spare_host import SPARE
        SPARE.allow(True)
        SPARE.prepare()
        while not SPARE.pid:
            time.sleep(0.01)
        print(SPARE.pid, flush=True)
        sys.stdin.read()
    """
    environ = os.environ | {"TUI_TRAINER_SPARE": "1"}
    screen = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert screen.stdout is not None
    pid = int(screen.stdout.readline())
    screen.kill()
    screen.communicate()
    wait_for(lambda: not alive(pid), what="the end of the spare host")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


class TestFallingBack:
    def test_one_that_is_ready_is_taken_once(self, fake):
        spare = fake(f"{GREET}; print(input())")
        wait_for(lambda: spare.ready, what="its greeting")
        process = spare.take()
        assert process is not None
        process.communicate(b"spec\n")
        assert spare.take() is None

    def test_one_that_still_imports_is_left_alone(self, fake):
        spare = fake("input()")
        pid = spare.pid
        assert spare.take() is None
        assert spare.pid == pid

    def test_one_of_another_version_is_ended(self, fake):
        spare = fake("import os; os.write(1, b'ready 0.0.0 1\\n'); input()")
        pid = spare.pid
        wait_for(lambda: spare.take() is None and spare.pid is None, what="its end")
        assert not alive(pid)

    @pytest.mark.parametrize("change", ["environment", "directory", "umask"])
    def test_one_with_other_surroundings_is_ended(self, fake, change, monkeypatch, tmp_path):
        spare = fake(f"{GREET}; input()")
        wait_for(lambda: spare.ready, what="its greeting")
        pid, before = spare.pid, os.umask(0)
        os.umask(before)
        if change == "environment":
            monkeypatch.setenv("OMP_NUM_THREADS", "7")
        elif change == "directory":
            monkeypatch.chdir(tmp_path)
        else:
            os.umask(before ^ 0o050)
        try:
            assert spare.take() is None
        finally:
            os.umask(before)
        assert not alive(pid)

    def test_one_that_died_is_not_taken_and_not_replaced_at_once(self, fake):
        spare = fake(GREET)
        wait_for(lambda: spare.pid is None, what="its end")
        assert spare.take() is None
        spare.prepare()
        assert spare.pid is None

    def test_a_run_starts_cold_when_it_goes_away_at_the_last_moment(self, fake, tmp_path):
        spare = fake(f"{GREET}; os.close(0); import time; time.sleep(100)")
        wait_for(lambda: spare.ready, what="its greeting")
        pid = spare.pid
        launched = launch(paused(tmp_path, "run"))
        assert launched.process.pid != pid
        assert not alive(pid)
        client = SessionClient(launched.session())
        client.session.send(cmd.Stop())
        client.until(lambda: client.state.over, "the end")
        launched.process.wait(120)

    @pytest.mark.parametrize(
        ("switch", "allowed", "starts"), [("0", True, False), ("", False, False), ("", True, True)]
    )
    def test_setting_and_environment_switch_it_off(self, fake, monkeypatch, spare, switch, allowed, starts):
        monkeypatch.setenv("TUI_TRAINER_SPARE", switch)
        spare.allow(allowed)
        if starts:
            assert fake("input()").pid
        else:
            spare.prepare()
            assert spare.pid is None
            assert not spare._allowed

    def test_closing_ends_it_and_starts_no_other(self, fake):
        spare = fake(f"{GREET}; input()")
        pid = spare.pid
        spare.close()
        assert not alive(pid)
        spare.prepare()
        assert spare.pid is None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_doctor_counts_those_that_wait(monkeypatch):
    from tui_trainer.cli.commands import doctor

    command = [sys.executable, "-S", "-c", "import time; time.sleep(1000)", "tui_trainer.host.host", "--spare"]
    waits = subprocess.Popen(command, stdin=subprocess.PIPE)
    trains = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        pids = {process.pid for process in running.spare_hosts()}
        assert waits.pid in pids
        assert trains.pid not in pids
        monkeypatch.setattr(running, "spare_hosts", lambda: [running.psutil.Process(waits.pid)] * 2)
        monkeypatch.setattr(running, "own_memory", lambda process: 200_000_000)
        found = doctor._spare_host()
        assert (found.verdict, found.found) == ("ok", f"on: 2 screens have one each, {size(400_000_000)} in all")
        monkeypatch.setattr(running, "spare_hosts", list)
        assert doctor._spare_host().found == f"on: none runs; one holds about {size(200_000_000)}"
    finally:
        for process in (waits, trains):
            process.kill()
            process.communicate()
