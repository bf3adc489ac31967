"""A viewer of runs whose names and texts are all one payload: `hostile.py PAYLOAD dashboard|home|over`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.ui.fake_session import FakeSession, finished, started, trained
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import PresetInfo
from tui_trainer.ui.run_app import run_app


def hostile_events(text: str) -> Iterator[ev.AnyEvent]:
    """Yield the events of a run whose texts are all `text`."""
    layer = ev.Layer(grad_norm=1.0, weight_norm=2.0, update_ratio=1e-3, dead=0.1)
    yield started(
        text, preset=text, model=text, data=text, device=text, path=text, metric=text, layers=(text, "first"),
    )  # fmt: skip
    yield ev.StatusChanged(status="running", detail=text)
    yield from trained(120)
    values: dict[str, list[float | None]] = {f"val_{text}": [1.0], f"grad_norm/{text}": [0.5], text: [2.0]}
    yield ev.Scalars(step=120, steps=[120], seconds=[1.2], values=values)
    best = ev.Best(epoch=2, step=100, metric=text, value=1.0)
    yield ev.EpochEnded(step=120, epoch=2, seconds=1.2, metrics={f"val_{text}": 1.0, "val_loss": 0.5}, best=best)
    yield ev.LayersMeasured(step=120, layers={text: layer, "first": layer})
    yield ev.Noted(step=30, text=text or "x", cause=cmd.Note(text=text[:99] or "x", by=text))
    yield ev.SettingChanged(step=60, name=text, value=1, previous=2, cause=cmd.SetClip(value=1, by=text))
    yield ev.CheckpointSaved(step=120, name=text, epoch=2, detail=text)
    yield ev.SavingFailed(what=text, error=text)
    yield ev.Diagnosed(finding=text, evidence=text, advice=text)
    yield ev.Logged(lines=[text, f"host.log: {text}"])
    yield ev.Refused(reason=text, step=1)


class HostileCatalog:
    """A catalog whose presets and runs have the payload as their names."""

    def __init__(self, text: str) -> None:
        self._text = text

    def presets(self) -> list[PresetInfo]:
        """Return one preset."""
        return [PresetInfo(self._text, self._text, self._text, self._text, (self._text,))]

    def runs(self) -> list[RunInfo]:
        """Return a live run and a finished run."""
        text = self._text
        best = {"epoch": 1, "metric": text, "value": 0.5}
        return [
            RunInfo(f"{text}1", text, "running", text, text, 1, 2, {text: 1.0}, best),
            RunInfo(f"{text}2", text, "finished", text, text, 1, 2, {text: None}, best),
        ]

    def start(self, preset: str) -> Session:
        """Return a session."""
        return session(self._text)

    def join(self, run: RunInfo) -> Session:
        """Return a session."""
        return session(self._text)


def session(text: str) -> FakeSession:
    """Return a session of two runs with the payload as their names; it refuses each command with the payload."""
    fake = FakeSession(f"{text[:60]}/a", f"{text[:60]}/b")
    for run in fake.runs:
        fake.play(*hostile_events(text), run=run)
    fake.say(text)
    fake.reply = lambda command: ev.Refused(reason=text, step=120, cause=command)
    return fake


def main(text: str, what: str) -> int:
    """Show the screen until the user leaves it, and return the exit code."""
    if what == "home":
        return run_app(catalogue=HostileCatalog(text), theme="dark").exit_code
    watched = session(text)
    if what == "over":
        for run in watched.runs:
            watched.play(finished("failed", text, 1), run=run)
    result = run_app(watched, theme="dark")
    if result.message:
        from tui_trainer.text import visible

        print("\n".join(visible(line) for line in result.message.splitlines()), flush=True)
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].encode().decode("unicode_escape"), sys.argv[2]))
