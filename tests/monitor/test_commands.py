"""The commands of the program take the run of a script like any other."""

from __future__ import annotations

import csv
import json
import shlex
import sys
import threading
from pathlib import Path

import pytest

from tests.monitor.conftest import Script
from tui_trainer.cli.main import main
from tui_trainer.runs.catalog import read_run_info
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.request import HostStatus, Response, request
from tui_trainer.session.socket_session import connect
from tui_trainer.ui.copying.texts import run_info_copies


@pytest.fixture
def finished(script: Script) -> Script:
    """Return a script that has made two runs, which differ in their configuration."""
    for width in (3, 4):
        with script.monitor("regression", config={"width": width, "nested": {"rate": 0.1}}) as monitor:
            for _ in monitor.epochs(2):
                for inputs, targets in monitor.batches(script.loader):
                    monitor.log({"my/norm": 2.0}, loss=script.step(inputs, targets))
                monitor.log_epoch(val_loss=width / 10, accuracy=0.5)
    return script


def test_lists_compares_exports_and_diagnoses(finished: Script, capsys: pytest.CaptureFixture[str]) -> None:
    option = ["--runs-dir", str(finished.runs)]
    assert main(["runs", "--json", *option]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(run["preset"], run["status"], run["epoch"], run["step"]) for run in listed] == [
        ("regression", "finished", 2, 10)
    ] * 2
    assert {run["best"]["value"] for run in listed} == {0.3, 0.4}
    assert main(["runs", "val_loss<0.35", "--json", *option]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1
    names = [run["name"] for run in listed]
    assert main(["compare", *names, *option]) == 0
    compared = capsys.readouterr().out
    assert "config.width" in compared
    assert main(["export", "last", "--to", "csv", "-o", "-", *option]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 10
    assert {row["my/norm"] for row in rows} == {"2.0"}
    assert rows[-1]["accuracy"] == "0.5"
    assert main(["diagnose", "last", *option]) == 0


def test_the_command_that_is_copied_starts_the_script(finished: Script) -> None:
    texts = {one.letter: one.text for one in run_info_copies(read_run_info(finished.path))}
    folder, _, command = texts["r"].partition(" && ")
    assert shlex.split(folder) == ["cd", str(Path.cwd())]
    assert shlex.split(command)[0] == sys.executable


def test_a_folder_opens_as_it_was(finished: Script) -> None:
    session = JournalSession(finished.path)
    states = session.drain()
    assert states
    session.close()


def test_another_process_attaches_and_sends(script: Script) -> None:
    answers: list[HostStatus | Response] = []
    greeted: list[str] = []

    def steer() -> None:
        run = monitor._run
        assert run is not None
        session = connect(run._serving.server.path)  # pyright: ignore[reportOptionalMemberAccess]
        deadline = threading.Event()
        while not greeted and not deadline.wait(0.01):
            greeted.extend(type(message).__name__ for message in session.drain())
        session.close()
        path = run._serving.server.path  # pyright: ignore[reportOptionalMemberAccess]
        answers.extend(request(path, "set-lr", ["value=0.03"], by="test", run="*", timeout=120))
        answers.extend(request(path, "set-knob", ["name=a", "value=3"], by="test", run="*", timeout=120))
        answers.extend(request(path, "stop", [], by="test", run="*", timeout=120))

    with script.monitor() as monitor:
        thread = threading.Thread(target=steer, daemon=True)
        for step in monitor.steps():
            script.step(script.inputs, script.targets)
            if step == 0:
                thread.start()
        thread.join(120)
    assert greeted[0] == "Greeting"
    responses = [answer for answer in answers if isinstance(answer, Response)]
    assert [(answer.code, answer.text) for answer in responses[:2]] == [
        (0, "learning rate 0.03, was 0.1 (test)"),
        (1, "refused: the script declares no knobs"),
    ]
    assert responses[2].text.startswith("stopping: after this batch, without saving; on disk stays nothing")
    assert script.events("RunFinished")[0]["reason"] == "stopped"
