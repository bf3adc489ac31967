"""The user's command for events: its input, its limits, and what is said when it fails."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.session.conftest import run_host, spec_for
from tests.support import wait_for
from tui_trainer.host.event_command import MAX_AT_ONCE, MAX_WAITING, EventCommand
from tui_trainer.host.spec import RunSpec
from tui_trainer.protocol import events as ev
from tui_trainer.runs.journal import read_events

RUNS = (RunSpec(name="a", path="/runs/a", config={}, preset="tiny", title="Tiny \x1b[2J"),)
ALARM = ev.Diagnosed(run="a", at="now", finding="DIVERGING", severity="alarm", title="the loss diverges", step=7)


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


class Bench:
    """A command with the lines that it logs."""

    def __init__(self, *argv: str, **options: Any) -> None:
        self.said: list[str] = []
        self.command = EventCommand(argv, RUNS, lambda run, text: self.said.append(f"{run}: {text}"), **options)

    def put(self, *events: ev.AnyEvent) -> None:
        for event in events:
            self.command.put(event, b"")

    def idle(self) -> None:
        wait_for(lambda: not self.command.has_work, what="the end of every command")


def told(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def finished(reason: ev.Reason = "completed", **fields: Any) -> ev.RunFinished:
    return ev.RunFinished(run="a", at="now", reason=reason, **fields)


def test_the_event_is_one_json_object_on_standard_input(tmp_path):
    bench = Bench(script(tmp_path / "hook", 'cat >> "$1"'), str(tmp_path / "got"))
    epoch = ev.EpochEnded(run="a", epoch=3, seconds=2.5, metrics={"val_loss": float("nan"), "train_loss": 0.25}, step=9)
    bench.put(ev.Scalars(run="a", steps=[1], seconds=[0.0], values={}), epoch, ALARM)
    bench.idle()
    data = (tmp_path / "got").read_bytes()
    assert data.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in data.rstrip())
    (event,) = told(tmp_path / "got")
    assert event == {
        "event": "finding",
        "run": "a",
        "path": "/runs/a",
        "preset": "tiny",
        "title": "Tiny \x1b[2J",
        "at": "now",
        "step": 7,
        "epoch": 3,
        "seconds": 2.5,
        "metrics": {"val_loss": None, "train_loss": 0.25},
        "finding": "DIVERGING",
        "severity": "alarm",
        "text": "the loss diverges",
        "evidence": "",
        "advice": "",
        "likely_cause": "",
    }
    assert bench.said == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("completed", "end"), ("early-stopped", "end"), ("stopped", "end"), ("interrupted", "end"), ("failed", "fail"),
     ("not-finite", "fail"), ("refused", "fail")],
)  # fmt: skip
def test_an_end_and_a_failure_are_told_apart(tmp_path, reason, kind):
    bench = Bench(script(tmp_path / "hook", f"cat > {tmp_path}/got"))
    bench.put(finished(reason, detail="why", exit_code=1, epoch=4, metrics={"val_loss": 0.5}))
    bench.idle()
    (event,) = told(tmp_path / "got")
    assert (event["event"], event["reason"], event["detail"], event["exit_code"]) == (kind, reason, "why", 1)
    assert (event["epoch"], event["metrics"], event["best"]) == (4, {"val_loss": 0.5}, None)


def test_a_finding_is_told_once_and_lesser_ones_are_not(tmp_path):
    bench = Bench(script(tmp_path / "hook", f"cat >> {tmp_path}/got"))
    bench.put(*(ALARM.model_copy(update=change) for change in ({"severity": "warning"}, {"active": False})))
    bench.put(ALARM, ALARM.model_copy(update={"again": True}), ALARM)
    bench.idle()
    assert [event["finding"] for event in told(tmp_path / "got")] == ["DIVERGING"]


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path):
    line = f"sleep 1000 & echo $! > {tmp_path}/child.new; mv {tmp_path}/child.new {tmp_path}/child; wait"
    for limit in (0.5, 10.0, 60.0):  # until the command has come to start its child
        bench = Bench(script(tmp_path / "hook", line), time_limit=limit)
        bench.put(finished())
        bench.idle()
        assert bench.said == [
            f"a: --on-event: {tmp_path}/hook was killed after {limit:g} s; further failures are not logged"
        ]
        if (tmp_path / "child").exists():
            break
    child = int((tmp_path / "child").read_text())
    wait_for(lambda: not alive(child), what="the end of the child")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("text", "problem"),
    [("exit 3", "ended with exit code 3"), ("kill -9 $$", "was ended by signal 9"), (None, "could not be started")],
)
def test_a_failure_is_said_once(tmp_path, text, problem):
    argv = script(tmp_path / "hook", text) if text else str(tmp_path / "gone")
    bench = Bench(argv)
    bench.put(finished(), ALARM)
    bench.idle()
    bench.put(finished())
    bench.idle()
    (said,) = bench.said
    assert f"{argv} {problem}" in said


def test_only_a_few_run_at_once_and_a_flood_is_dropped(tmp_path):
    (tmp_path / "running").mkdir()
    hold = tmp_path / "hold"
    hold.touch()
    text = (
        f"cat > /dev/null; : > {tmp_path}/running/$$; while [ -e {hold} ]; do sleep 0.02; done; echo x >> {tmp_path}/n"
    )
    bench = Bench(script(tmp_path / "hook", text))
    bench.put(*[finished()] * MAX_AT_ONCE)
    wait_for(lambda: len(os.listdir(tmp_path / "running")) == MAX_AT_ONCE, what="the first commands")
    bench.put(*[finished()] * (MAX_WAITING + 20))
    assert len(os.listdir(tmp_path / "running")) == MAX_AT_ONCE
    bench.command._argv = ["/bin/true"]
    hold.unlink()
    bench.idle()
    assert (tmp_path / "n").read_text() == "x\n" * MAX_AT_ONCE
    (said,) = bench.said
    assert f"more than {MAX_WAITING} events waited for it" in said


def test_closing_kills_what_runs_and_starts_nothing_else(tmp_path):
    bench = Bench(script(tmp_path / "hook", "echo x >> $0.n; sleep 1000"), time_limit=0.5)
    bench.put(*[finished()] * (2 * MAX_AT_ONCE))
    bench.command.close()
    bench.idle()
    began = tmp_path / "hook.n"
    assert not began.exists() or len(began.read_text().split()) <= 2 * MAX_AT_ONCE  # they may be killed before a word


def test_a_host_runs_it_and_journals_its_failure(tmp_path):
    hook = script(tmp_path / "hook", f"cat >> {tmp_path}/got; exit 7")
    spec = spec_for(tmp_path, training={"epochs": 2}).model_copy(update={"on_event": (hook,)})
    host, thread = run_host(spec)
    thread.join(120)
    assert host.exit_code == 0
    (event,) = told(tmp_path / "got")
    assert (event["event"], event["reason"], event["epoch"]) == ("end", "completed", 2)
    assert event["path"] == spec.runs[0].path
    events = list(read_events(Path(spec.runs[0].path) / "events.jsonl"))
    lines = [line for each in events if isinstance(each, ev.Logged) for line in each.lines]
    assert sum("--on-event" in line and "ended with exit code 7" in line for line in lines) == 1
    assert event["metrics"] == next(each for each in events if isinstance(each, ev.RunFinished)).metrics
