"""Resuming runs whose host vanished; finished runs of the same screen stay on it."""

from __future__ import annotations

from pathlib import Path

from tests.session.conftest import SessionClient
from tests.support import tiny_config, wait_for
from tui_trainer.config.preset import Preset
from tui_trainer.host.spec import HostSpec, host_spec
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.catalog import find_runs, read_run_info
from tui_trainer.runs.history import first_difference, read_history
from tui_trainer.runs.journal import read_events
from tui_trainer.session import resume
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.launch import Launched, launch
from tui_trainer.session.multi import MultiSession
from tui_trainer.ui.run_store import RunStore

LONG = {"training": {"epochs": 1_000_000}, "checkpoints": {"every_steps": 50}}


def start(tmp_path: Path, name: str, *variants: str) -> HostSpec:
    preset = Preset(name="tiny", source="test", runs={variant: tiny_config(**LONG) for variant in variants or ("",)})
    return host_spec(preset, str(tmp_path / "runs"), name, ["test"])


def kill(watcher: SessionClient, launched: Launched, runs: int) -> None:
    watcher.until(
        lambda: len([s for s in watcher.states.values() if "last" in s.checkpoints]) == runs, "a save of each"
    )
    launched.process.kill()
    launched.process.wait(120)


def test_dead_runs_are_resumed_and_finished_ones_stay(tmp_path, monkeypatch):
    started: list[Launched] = []

    def remembered(spec: HostSpec) -> Launched:
        started.append(launch(spec))
        return started[-1]

    monkeypatch.setattr(resume, "launch", remembered)
    for name, variants in (("g", ("a", "b", "c")), ("alone", ())):
        launched = launch(start(tmp_path, name, *variants))
        watcher = SessionClient(launched.session())
        if variants:
            watcher.until(lambda w=watcher: w.states and w.states["g/b"].step > 0, "its first steps")
            watcher.session.send(cmd.Stop(run="g/b", id="stop"))
            watcher.until(lambda w=watcher: w.states["g/b"].over, "one to end")
        kill(watcher, launched, len(variants) or 1)
    folders = [tmp_path / "runs" / name for name in ("g/a", "g/b", "g/c", "alone")]
    assert [read_run_info(folder).status for folder in folders] == ["dead", "finished", "dead", "dead"]

    feed = RunStore(MultiSession([JournalSession(folder) for folder in folders]))
    wait_for(lambda: feed.poll() and len(feed.resumable) == 3, what="the report of the three")
    assert feed.session.kind == "finished"
    before = {name: state.step for name, state in feed.states.items()}
    assert feed.ended_folders == (str(folders[1]),)
    feed.switch_session(resume.resume_session(feed.resumable, feed.ended_folders))
    wait_for(
        lambda: (
            feed.poll()
            and len(feed.states) == 4
            and all(state.over or state.step > before[name] for name, state in feed.states.items())
        ),
        what="steps beyond those before",
    )
    assert feed.session.kind == "live"
    assert {name: state.over for name, state in feed.states.items()} == {
        "g/a": False, "g/b": True, "g/c": False, "alone": False,
    }  # fmt: skip
    assert feed.states["g/b"].step == before["g/b"]
    assert len(started) == 2
    feed.send(cmd.Stop())
    wait_for(lambda: feed.poll() and feed.over, what="the end of all")
    feed.close()
    for launched in started:
        assert launched.process.wait(120) == 0


def resumed(tmp_path: Path, name: str) -> tuple[Launched, SessionClient]:
    infos = find_runs(name, tmp_path / "runs")
    launched = launch(resume.resume_spec(infos, epochs=None, patience=None, command=["test"]))
    return launched, SessionClient(launched.session())


def test_commands_after_the_last_save_are_applied_again_at_their_steps(tmp_path):
    config = tiny_config(training={"epochs": 1_000_000, "steps_per_second": 400}, checkpoints={"every_steps": 300})
    spec = host_spec(Preset("tiny", "test", {"": config}), str(tmp_path / "runs"), "run", ["test"])
    launched = launch(spec)
    watcher = SessionClient(launched.session())
    watcher.until(lambda: "last" in watcher.state.checkpoints, "a save")
    answer = watcher.ask(cmd.SetLearningRate(value=0.03))
    watcher.until(lambda: watcher.state.step > answer.step + 40, "some steps with it")
    launched.process.kill()
    launched.process.wait(120)
    path = tmp_path / "runs/run/events.jsonl"
    before = read_history(path)
    assert [step for step, _ in before.interventions] == [answer.step]

    launched, watcher = resumed(tmp_path, "run")
    watcher.until(lambda: watcher.state.step > before.last_step, "the steps again")
    watcher.session.send(cmd.Stop())
    watcher.until(lambda: watcher.state.over, "the end")
    launched.process.wait(120)
    after = read_history(path)
    for record in (before, after):  # the last steps before a kill may not have been written completely
        record.rows = {step: row for step, row in record.rows.items() if step <= answer.step + 20}
    assert max(before.rows) == answer.step + 20
    assert first_difference(before, after) == ""
    assert after.interventions[0] == before.interventions[0]
    assert any("applied again at the same step" in line.text for line in watcher.state.log)


def test_one_checkpoint_that_does_not_fit_leaves_the_group_unchanged(tmp_path):
    launched = launch(start(tmp_path, "g", "a", "b"))
    kill(SessionClient(launched.session()), launched, 2)
    mine = tmp_path / "runs/g/a/events.jsonl"
    other = tmp_path / "runs/g/b/run.toml"
    other.write_text(other.read_text().replace("8,", "9,"))
    before = mine.read_bytes()
    launched, watcher = resumed(tmp_path, "g")
    watcher.until(lambda: launched.process.poll() is not None, "the host to refuse")
    assert launched.process.returncode == 2
    assert mine.read_bytes() == before


def test_manual_changes_and_missing_lines_are_reported(tmp_path):
    launched = launch(start(tmp_path, "run"))
    kill(SessionClient(launched.session()), launched, 1)
    journal, config = tmp_path / "runs/run/events.jsonl", tmp_path / "runs/run/run.toml"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0].replace(b"0", b"1", 1) + b"".join(lines[1:6]))
    config.write_text(config.read_text().replace("norm_every = 10", "norm_every = 5"))
    launched, watcher = resumed(tmp_path, "run")
    watcher.until(lambda: watcher.state.status == "running" and watcher.state.step, "it to go on")
    watcher.session.send(cmd.Stop())
    watcher.until(lambda: watcher.state.over, "the end")
    launched.process.wait(120)
    messages = [line.text for line in watcher.state.log]
    assert "run.toml has changed: training.norm_every was 10, is 5" in messages, messages
    assert any(line.startswith("events.jsonl ends ") for line in messages)
    assert any(line.startswith("1 altered lines of events.jsonl were skipped") for line in messages)
    written = [line for event in read_events(journal) if event.type == "Logged" for line in event.lines]
    assert any(line.startswith("run.toml has changed") for line in written)
