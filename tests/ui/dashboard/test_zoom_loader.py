"""Zooming into a long run: coarse values at once, then exact ones from the journal."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, press, screen_text, show, started, until
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.journal import read_events
from tui_trainer.session.base import Greeting
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.state.run_state import Ghost, RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard.zoom_loader import ZoomLoader
from tui_trainer.ui.settings import Settings

STEPS, EACH, SPIKE = 200_000, 1000, 100_000
WIDE = (140, 40)


def write(folder: Path, **facts: Any) -> Path:
    """Write a run with one loss of 9 in the middle."""
    folder.mkdir()
    events: list[ev.AnyEvent] = [started().model_copy(update={"steps_per_epoch": 1000, "epochs": 200, **facts})]
    for first in range(1, STEPS, EACH):
        steps = list(range(first, first + EACH))
        losses: list[float | None] = [9.0 if step == SPIKE else 1.0 + step % 2 / 10 for step in steps]
        seconds = [step / 1000 for step in steps]
        events.append(ev.Scalars(step=steps[-1], steps=steps, seconds=seconds, values={"train_loss": losses}))
    events.append(ev.RunFinished(reason="completed", step=STEPS, epoch=200))
    path = folder / "events.jsonl"
    stamps = ({"seq": seq, "run": folder.name} for seq in range(1, len(events) + 1))
    path.write_bytes(b"".join(encode_event(e.model_copy(update=s)) for e, s in zip(events, stamps, strict=True)))
    return path


def loss(app: TrainerApp) -> str:
    """Return the title line of the loss chart."""
    return next(line for line in screen_text(app).splitlines() if "1 loss" in line)


async def zoom_to_the_spike(pilot: Pilot[Any], app: TrainerApp) -> None:
    await until(pilot, lambda: "Finished: " in screen_text(app))
    assert app.dashboard is not None
    app.dashboard._actions.views.cursor_at(SPIKE)
    await press(pilot, *["up"] * 10)


async def test_exact_values_are_loaded_from_the_journal(tmp_path: Path) -> None:
    write(tmp_path / "long")

    app = TrainerApp(JournalSession(tmp_path / "long"), settings=Settings())

    async with show(app, WIDE) as pilot:
        await zoom_to_the_spike(pilot, app)
        await until(pilot, lambda: re.search(r"one batch +9\b", screen_text(app)) is not None)
        await until(pilot, lambda: "min-max of" not in loss(app))
        assert app.dashboard is not None
        (state,) = app.dashboard.view_state.drawn_states
        assert state.series["train_loss"].at(SPIKE) == (SPIKE, 9.0)
        assert state.series["train_loss"].at(SPIKE + 1) == (SPIKE + 1, 1.1)
        await press(pilot, "shift+left")
        assert state.series["train_loss"].grain(SPIKE - 120, SPIKE) == 1
        await press(pilot, "z")
        assert app.dashboard.view_state.drawn_states == app.dashboard.view_state.states


@pytest.mark.parametrize("host", ["elsewhere", platform.node()])
async def test_a_live_run_is_only_loaded_on_its_own_machine(tmp_path: Path, host: str) -> None:
    journal = write(tmp_path / "digits", host=host, path=str(tmp_path / "digits"))
    session = FakeSession("digits")
    state = RunState(run="digits")
    for event in read_events(journal):
        state.apply(event)
    session._inbox = [Greeting((state,))]

    app = app_over(session)

    async with show(app, WIDE) as pilot:
        await zoom_to_the_spike(pilot, app)
        if host == "elsewhere":
            assert "min-max of 128" in loss(app)
            assert app.dashboard is not None
            assert app.dashboard.view_state.zoom_loader._thread is None
        else:
            await until(pilot, lambda: "min-max of" not in loss(app))


def test_loaded_values_are_dropped_after_an_undo(tmp_path: Path) -> None:
    journal = write(tmp_path / "long")
    state = RunState(run="long")
    for event in read_events(journal):
        state.apply(event)
    loader, span = ZoomLoader(), (SPIKE - 100.0, SPIKE + 100.0)
    session = JournalSession(tmp_path / "long")
    session.drain()
    loader.request([state], [span], session)
    assert loader._thread is not None
    loader._thread.join(120)
    assert loader.poll()
    assert loader.zoomed(state).series["train_loss"].at(SPIKE) == (SPIKE, 9.0)
    loader.request([state], [span], session)
    assert loader._thread is None  # it is known
    state.ghosts.append(Ghost(name="train_loss", steps=[1], values=[1.0]))
    assert loader.zoomed(state) is state
    loader.request([state], [span], session)
    assert loader._thread is not None
    loader._thread.join(120)


def test_a_missing_journal_keeps_the_coarse_values(tmp_path: Path) -> None:
    journal = write(tmp_path / "long")
    state = RunState(run="long")
    for event in read_events(journal):
        state.apply(event)
    session = JournalSession(tmp_path / "long")
    session.drain()
    journal.unlink()
    loader = ZoomLoader()
    loader.request([state], [(SPIKE - 100.0, SPIKE + 100.0)], session)
    assert loader._thread is not None
    loader._thread.join(120)
    assert loader.poll()
    assert loader.zoomed(state) is state
    loader.request([state], [(SPIKE - 100.0, SPIKE + 100.0)], session)
    assert loader._thread is None  # nor is it asked again and again
