"""Runs whose host vanished, taken up from a viewer: all of them, and those that are over stay in sight."""

from __future__ import annotations

from pathlib import Path

from tests.session.conftest import Watcher
from tests.support import tiny, wait_for
from tui_trainer.config.preset import Preset
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.listing import describe
from tui_trainer.session import again
from tui_trainer.session.launch import Launched, launch
from tui_trainer.session.replay import ReplaySession
from tui_trainer.session.several import SeveralSessions
from tui_trainer.session.spec import HostSpec, host_spec
from tui_trainer.ui.feed import Feed

LONG = {"training": {"epochs": 1_000_000}, "checkpoints": {"every_steps": 50}}


def start(tmp_path: Path, name: str, *variants: str) -> HostSpec:
    preset = Preset(name="tiny", source="test", runs={variant: tiny(**LONG) for variant in variants or ("",)})
    return host_spec(preset, str(tmp_path / "runs"), name, ["test"])


def kill(watcher: Watcher, launched: Launched, runs: int) -> None:
    watcher.until(
        lambda: len([s for s in watcher.states.values() if "last" in s.checkpoints]) == runs, "a save of each"
    )
    launched.process.kill()
    launched.process.wait(30)


def test_all_dead_runs_of_a_set_and_others_are_taken_up_and_those_that_are_over_stay(tmp_path, monkeypatch):
    started: list[Launched] = []

    def remembered(spec: HostSpec) -> Launched:
        started.append(launch(spec))
        return started[-1]

    monkeypatch.setattr(again, "launch", remembered)
    for name, variants in (("g", ("a", "b", "c")), ("alone", ())):
        launched = launch(start(tmp_path, name, *variants))
        watcher = Watcher(launched.session())
        if variants:
            watcher.until(lambda w=watcher: w.states and w.states["g/b"].step > 0, "its first steps")
            watcher.session.send(cmd.Stop(run="g/b", id="stop"))
            watcher.until(lambda w=watcher: w.states["g/b"].over, "one to end")
        kill(watcher, launched, len(variants) or 1)
    folders = [tmp_path / "runs" / name for name in ("g/a", "g/b", "g/c", "alone")]
    assert [describe(folder).status for folder in folders] == ["dead", "finished", "dead", "dead"]

    feed = Feed(SeveralSessions([ReplaySession(folder) for folder in folders]))
    wait_for(lambda: feed.take() and len(feed.resumable) == 3, what="word of the three")
    assert feed.session.kind == "replay"
    before = {name: state.step for name, state in feed.states.items()}
    assert feed.left_over == (str(folders[1]),)
    feed.adopt(again.take_up(feed.resumable, feed.left_over))
    wait_for(
        lambda: (
            feed.take()
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
    wait_for(lambda: feed.take() and feed.over, what="the end of all")
    feed.close()
    for launched in started:
        assert launched.process.wait(30) == 0
