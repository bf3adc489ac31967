"""Fixtures: runs made from events, and coroutine tests."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.ui.at_rest import make_pilots_patient
from tui_trainer.components.schedulers.builtin import AnyScheduler, Cosine
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.preferences import screen_memory, screen_state
from tui_trainer.ui.screens.finder import actions as finder_actions
from tui_trainer.ui.terminal.terminal_app import TerminalApp

MakeRun = Callable[..., RunState]

LASTING = 600.0
"""Seconds that a message stays on a screen under test."""


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty directory."""
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(autouse=True)
def elsewhere(empty: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Work in an empty directory: the end card reads earlier runs, and a checkout may have some from `make run`.

    The progress through the lecture is kept beside it, not in the home directory.
    """
    monkeypatch.chdir(empty)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pilots wait for rest, and messages stay until the next one, whatever the machine does beside."""
    make_pilots_patient(monkeypatch)
    flash = Footer.flash

    def lasting(self: Footer, text: str, *, error: bool, until: float, action: str = "") -> None:
        flash(self, text, error=error, until=until + LASTING, action=action)

    monkeypatch.setattr(Footer, "flash", lasting)
    monkeypatch.setattr(TerminalApp, "NOTIFICATION_TIMEOUT", LASTING)
    monkeypatch.setattr(screen_memory, "CLOSING_SECONDS", LASTING)  # until what is remembered has been written
    monkeypatch.setattr(screen_state, "LOCK_SECONDS", LASTING)
    monkeypatch.setattr(finder_actions, "MESSAGE_SECONDS", LASTING)
    monkeypatch.setattr(finder_actions, "COPIED_SECONDS", LASTING)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests in an event loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


def _make(
    loss: Sequence[float | None] | Callable[[int], float | None] | None = None,
    *,
    steps: int = 200,
    name: str = "run",
    epochs: int = 20,
    steps_per_epoch: int = 20,
    batch_size: int = 32,
    scheduler: AnyScheduler | None = None,
    lr: float = 0.1,
    clip: float = 0.0,
    metric: str = "accuracy",
    task: str = "",
    references: Mapping[str, float] | None = None,
    seconds_per_step: float = 0.01,
    layers: Sequence[str] = (),
) -> RunState:
    """Return the state of a run; `loss` gives the training loss of each step, None for NaN."""
    if loss is None:
        loss = [0.1 + 2 * math.exp(-step / 40) + 0.2 * math.sin(step * 1.7) ** 2 for step in range(1, steps + 1)]
    values = [loss(step) for step in range(1, steps + 1)] if callable(loss) else list(loss)
    plan = LrPlan.begin(
        scheduler or Cosine(), lr, step=0, end=epochs * steps_per_epoch, steps_per_epoch=steps_per_epoch
    )
    state = RunState(run=name)
    state.apply(
        ev.RunStarted(
            title=name,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            batch_size=batch_size,
            plan=plan,
            metric=metric,
            task=task,
            clip_grad_norm=clip,
            layers=tuple(layers),
            references=dict(references or {}),
        )
    )
    best: ev.Best | None = None
    for first in range(0, len(values), steps_per_epoch):
        chunk = values[first : first + steps_per_epoch]
        taken = [first + k + 1 for k in range(len(chunk))]
        lost = {k: "nan" for k, value in enumerate(chunk) if value is None}
        state.apply(
            ev.Scalars(
                steps=taken,
                seconds=[step * seconds_per_step for step in taken],
                values={
                    "train_loss": chunk,
                    "lr": [plan.rate(step - 1) for step in taken],
                    "grad_norm": [1.0 + (step % 7) / 10 for step in taken],
                },
                not_finite={"train_loss": lost} if lost else {},
            )
        )
        if len(chunk) < steps_per_epoch:
            break
        step, epoch = taken[-1], taken[-1] // steps_per_epoch
        value = 0.3 + 1.5 * math.exp(-step / 60)
        best = ev.Best(epoch=epoch, step=step, metric="val_loss", value=value)
        metrics: dict[str, float | None] = {"train_loss": value, "val_loss": value}
        if metric:
            metrics |= {f"train_{metric}": 1 - value / 4, f"val_{metric}": 1 - value / 3}
        seconds = step * seconds_per_step
        state.apply(ev.EpochEnded(step=step, epoch=epoch, seconds=seconds, metrics=metrics, best=best))
        measured = {layer: ev.Layer(grad_norm=0.1 * (k + 1)) for k, layer in enumerate(layers)}
        if measured:
            state.apply(ev.LayersMeasured(step=step, layers=measured))
    return state


@pytest.fixture(scope="session")
def make_run() -> MakeRun:
    """A function that makes the state of a run."""
    return _make


@pytest.fixture(scope="session")
def long_run() -> RunState:
    """A run of a million steps with a loss of 1, and of 5 at one step."""
    state = _make(steps=40)
    for name in ("train_loss", "seconds"):
        series = Series()
        for first in range(0, 1_000_000, 10_000):
            steps = range(first + 1, first + 10_001)
            if name == "seconds":
                series.extend(steps, [step / 100 for step in steps])
            else:
                series.extend(steps, [5.0 if step == 654_321 else 1.0 for step in steps])
        state.series[name] = series
    state.step, state.epochs = 1_000_000, 60_000
    return state
