"""A fake session that plays scripted events and records commands, and an app that shows it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from textual.events import Key
from textual.pilot import Pilot

from tui_trainer.components.optimizers.first_order import Adam
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting, Message, Notice, Session
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.settings import Settings

Command = TypeVar("Command", bound=cmd.Command)

STEPS, EPOCHS = 50, 10
LAYERS = ("first", "second", "head")
LEAVING = {"q", "d", "ctrl+c", "ctrl+q", "ctrl+z"}
"""Keys that leave the screen or open the quit dialog."""
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class FakeSession:
    """A session without a host: tests script its events and read the commands sent to it."""

    def __init__(
        self, *runs: str, kind: Literal["live", "in-process", "finished"] = "live", can_steer: bool = True
    ) -> None:
        self.kind: Literal["live", "in-process", "finished"] = kind
        self.can_steer = can_steer
        self.runs = runs or ("digits",)
        self.sent: list[cmd.AnyCommand] = []
        self.closed = 0
        self.reply: Callable[[cmd.AnyCommand], ev.AnyEvent | None] | None = None
        """Returns the event that answers a command, or None for no answer."""
        self._seq = 0
        self._inbox: list[Message] = [Greeting(tuple(RunState(run=run) for run in self.runs))]

    def drain(self) -> list[Message]:
        inbox, self._inbox = self._inbox, []
        return inbox

    def send(self, command: cmd.AnyCommand) -> None:
        self.sent.append(command)
        answer = self.reply(command) if self.reply is not None else None
        if answer is not None:
            self.play(answer)

    def close(self) -> None:
        self.closed += 1

    def play(self, *events: ev.AnyEvent, run: str = "") -> None:
        """Queue events of a run, by default the first one."""
        for event in events:
            self._seq += 1
            at = f"2026-11-23T14:{self._seq // 60 % 60:02d}:{self._seq % 60:02d}+00:00"
            self._inbox.append(event.model_copy(update={"seq": self._seq, "at": at, "run": run or self.runs[0]}))

    def say(self, text: str, *, fatal: bool = False, folders: tuple[str, ...] = ()) -> None:
        """Queue a notice of the session itself."""
        self._inbox.append(Notice(text, fatal, folders))

    def last(self, kind: type[Command]) -> Command:
        """Return the last command sent and assert its class."""
        assert self.sent, "nothing was sent"
        command = self.sent[-1]
        assert isinstance(command, kind), command
        return command


def started(title: str = "Digits, a small MLP", **changes: Any) -> ev.RunStarted:
    """Return the first event of a run."""
    return ev.RunStarted(
        title=title,
        preset="digits-mlp",
        path="runs/digits",
        parameters=17226,
        model="MLP 64-128-10",
        layers=LAYERS,
        data="digits: 1,797 images of 8x8 pixels",
        train_samples=1437,
        validation_samples=360,
        batch_size=64,
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        patience=5,
        early_stopping=True,
        metric="accuracy",
        task="classification",
        plan=LrPlan.begin(Cosine(), 1e-2, step=0, end=STEPS * EPOCHS, steps_per_epoch=STEPS),
        optimizer=Adam(lr=1e-2),
    ).model_copy(update=changes)


def loss(step: int) -> float:
    """Return the loss of a step, the same in every test."""
    return 2.3 * math.exp(-step / 150) + 0.1 + 0.05 * math.sin(step * 1.7)


def trained(steps: int, first: int = 1) -> list[ev.AnyEvent]:
    """Return the events of some steps of training, with their epochs."""
    events: list[ev.AnyEvent] = []
    plan = started().plan
    assert plan is not None
    for begin in range(first, first + steps, STEPS):
        chunk = list(range(begin, min(begin + STEPS, first + steps)))
        end = chunk[-1]
        values: dict[str, list[float | None]] = {
            "train_loss": [loss(step) for step in chunk],
            "lr": [plan.rate(step) for step in chunk],
            "grad_norm": [1 + 0.5 * math.cos(step * 0.9) for step in chunk],
        }
        events.append(ev.Scalars(step=end, steps=chunk, seconds=[step / 100 for step in chunk], values=values))
        if end % STEPS == 0:
            epoch = end // STEPS
            best = ev.Best(epoch=epoch, step=end, metric="val_loss", value=loss(end) + 0.05)
            metrics = {"train_loss": loss(end), "val_loss": loss(end) + 0.05, "val_accuracy": 1 - loss(end) / 3}
            layer = ev.Layer(grad_norm=0.1, weight_norm=3.0, update_ratio=1e-3, dead=0.1)
            events += [
                ev.EpochEnded(step=end, epoch=epoch, seconds=end / 100, metrics=metrics, best=best, is_best=True),
                ev.CheckpointSaved(step=end, name="best", epoch=epoch, bytes=240_000),
                ev.LayersMeasured(step=end, layers=dict.fromkeys(LAYERS, layer)),
            ]
    return events


def running(*runs: str, steps: int = 200, **session: Any) -> FakeSession:
    """Return a session whose runs have trained for some steps."""
    scripted = FakeSession(*runs, **session)
    for run in scripted.runs:
        scripted.play(started(), ev.StatusChanged(status="running"), *trained(steps), run=run)
    return scripted


def finished(reason: ev.Reason = "completed", detail: str = "", exit_code: int = 0) -> ev.RunFinished:
    """Return the last event of a run."""
    best = ev.Best(epoch=4, step=200, metric="val_loss", value=0.3)
    return ev.RunFinished(step=200, reason=reason, detail=detail, epoch=4, seconds=2, best=best, exit_code=exit_code)


def app_over(session: FakeSession | Callable[[], Session] | None = None, **options: Any) -> TrainerApp:
    """Return the app with the dark theme and a local terminal, whatever terminal the tests run in."""
    options.setdefault("settings", Settings())
    options.setdefault("theme", "dark")
    options.setdefault("environ", TERMINAL)
    return TrainerApp(session, **options)


CHARACTERS = {
    "space": " ",
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "slash": "/",
    "colon": ":",
}


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys all at once, and wait until the last one has had its effect."""
    app = pilot.app
    assert isinstance(app, TrainerApp)
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else CHARACTERS.get(key)))
    deadline = time.monotonic() + 120
    await asyncio.sleep(0)
    while app.is_running and app._key_queue.busy:
        assert time.monotonic() < deadline, f"{keys} did not come through"
        await asyncio.sleep(0.002)
    await pilot.pause()  # the last one has been let in: what it does may still be on its way
    app.tick()
    await pilot.pause()


def not_today(command: cmd.AnyCommand) -> ev.AnyEvent | None:
    """Answer a command as a host might."""
    match command:
        case cmd.Pause():
            return ev.StatusChanged(status="paused", step=200, cause=command)
        case cmd.Resume():
            return ev.StatusChanged(status="running", step=200, cause=command)
        case cmd.Note(text=text):
            return ev.Noted(text=text, step=200, cause=command)
        case cmd.SaveCheckpoint():
            return None
        case _:
            return ev.Refused(reason="not today", step=200, cause=command)


async def settle(pilot: Pilot[Any]) -> None:
    """Poll the session, and wait until the update is on the screen."""
    app = pilot.app
    assert isinstance(app, TrainerApp)
    app.tick()
    await pilot.pause()


@asynccontextmanager
async def show(app: TrainerApp, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Pilot[Any]]:
    """Run the app without a terminal, wait for its first frame, and check at the end that no display error occurred."""
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await until(pilot, lambda: screen_text(app).strip())
        yield pilot
        assert not app.errors, app.errors


def play(
    app: TrainerApp, script: Callable[[Pilot[Any]], Awaitable[None]], size: tuple[int, int] = (100, 30)
) -> TrainerApp:
    """Run `script` in the app, for tests that press keys in several apps."""

    async def run() -> None:
        async with show(app, size) as pilot:
            await script(pilot)

    asyncio.run(run())
    return app


def screen_text(app: TrainerApp) -> str:
    """Return the text on the screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def until(pilot: Pilot[Any], condition: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s:\n{screen_text(pilot.app)}"  # type: ignore[arg-type]
        await settle(pilot)
