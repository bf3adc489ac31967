"""Random sizes, keys and names: the screen survives without errors."""

from __future__ import annotations

import random
from typing import Any

import pytest
from textual import events
from textual.geometry import Size
from textual.pilot import Pilot

from tests.ui.fake_session import (
    LEAVING,
    FakeSession,
    app_over,
    finished,
    not_today,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    trained,
)
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.app import TrainerApp

SIZES = [
    (1, 1),
    (2, 1),
    (1, 2),
    (20, 5),
    (40, 12),
    (80, 24),
    (140, 40),
    (200, 60),
    (300, 100),
    (300, 3),
    (5, 100),
    (33, 7),
]
PAYLOADS = {
    "markup": "[@click=app.quit]x[/] [/ [b] \\[red] $error {0} %s [/]",
    "escapes": "a\x1b]52;c;aGk=\x07b\x9b2J\x1b[2J\x00\n\r\t\x7f",
    "letters": "\u202eevil\u2066\u200b 日本語 e\u0301\u0301\u0301 👩\u200d👩\u200d👧 🏳️\u200d🌈",
    "long": "[/]日" * 900,
    "nothing": "",
}


async def resize(pilot: Pilot[Any], width: int, height: int) -> None:
    """Resize the terminal, as a driver does."""
    size = Size(width, height)
    pilot.app.post_message(events.Resize(size, size))
    await pilot.pause()


def clean(app: TrainerApp) -> None:
    """Assert that the screen shows no control characters."""
    for character in screen_text(app):
        code = ord(character)
        assert character == "\n" or not (code < 32 or 127 <= code < 160 or 0x202A <= code <= 0x202E), hex(code)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("dashboard", 0),
        *(pytest.param(what, 8, marks=pytest.mark.long) for what in ("dashboard", "schedule", "help", "summary")),
    ],
)
async def test_random_resizes(what: str, more: int) -> None:
    session = running("set/a", "set/b")
    generator = random.Random(what)
    sizes = [
        *SIZES,
        *((generator.randint(1, 300), generator.randint(1, 100)) for _ in range(more)),
    ]

    app = app_over(session)

    async with show(app) as pilot:
        if what == "schedule":
            await press(pilot, "s")
        elif what == "help":
            await press(pilot, "question_mark")
        elif what == "summary":
            session.play(finished())
        for size in sizes:
            await resize(pilot, *size)
            app.tick()
        await resize(pilot, 100, 30)
        await settle(pilot)
        assert {"schedule": "Schedule", "help": "Keys"}.get(what, "a 1/2") in screen_text(app)


@pytest.mark.parametrize(
    ("seed", "count"), [(3, 40), *(pytest.param(seed, 300, marks=pytest.mark.long) for seed in (1, 2))]
)
async def test_random_keys(seed: int, count: int) -> None:
    generator = random.Random(seed)
    session = running("set/a", "set/b")
    session.reply = not_today
    keys = [key for action in ACTIONS for key in action.keys if key not in LEAVING]
    keys += ["escape", "enter", "tab", "shift+tab", "backspace", "home", "end", "a", "1", "0", "x", "f12", "delete"]

    app = app_over(session)

    async with show(app) as pilot:
        for number in range(count):
            app.post_message(events.Key(key := generator.choice(keys), key if len(key) == 1 else None))
            if number % 10 == 0:
                x, y = generator.randrange(100), generator.randrange(30)
                app.post_message(events.MouseScrollUp(None, x, y, 0, 0, 0, False, False, False))
                await resize(pilot, *generator.choice(SIZES))
                session.play(*trained(10, 201 + number), run=generator.choice(["set/a", "set/b"]))
                app.tick()
        await resize(pilot, 100, 30)
        for _ in range(4):
            await press(pilot, "escape")
        await settle(pilot)
        assert app.dashboard is not None


async def test_clicks_and_wheel_on_every_cell_of_a_small_screen() -> None:
    session = running()

    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        for y in range(0, 24, 3):
            for x in range(0, 80, 7):
                await_events = [
                    events.MouseMove(None, x, y, 0, 0, 0, False, False, False),
                    events.MouseDown(None, x, y, 0, 0, 1, False, False, False),
                    events.MouseMove(None, x + 2, y, 2, 0, 1, False, False, False),
                    events.MouseUp(None, x + 2, y, 0, 0, 1, False, False, False),
                    events.MouseScrollDown(None, x, y, 0, 0, 0, False, False, False),
                ]
                for event in await_events:
                    app.post_message(event)
        await settle(pilot)
        assert "1 loss" in screen_text(app)
    assert session.sent == []


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(text, id=name, marks=() if name in ("markup", "escapes") else pytest.mark.long)
        for name, text in PAYLOADS.items()
    ],
)
async def test_names_with_control_characters_and_markup(payload: str) -> None:
    """Foreign text is shown in every place that can hold it."""
    session = FakeSession(payload or "digits")
    layer = ev.Layer(grad_norm=1.0, update_ratio=1e-3)
    begin = started(
        payload,
        preset=payload,
        model=payload,
        data=payload,
        device=payload,
        path=payload,
        metric=payload,
        layers=(payload,),
    )
    session.play(begin, ev.StatusChanged(status="running", detail=payload))
    session.play(
        *trained(60),
        ev.Scalars(step=60, steps=[60], seconds=[1.0], values={f"val_{payload}": [1.0]}),
        ev.EpochEnded(
            step=60,
            epoch=1,
            seconds=1,
            metrics={f"val_{payload}": 1.0},
            best=ev.Best(epoch=1, step=50, metric=payload, value=1),
        ),
        ev.LayersMeasured(step=60, layers={payload: layer}),
        ev.Noted(step=30, text=payload, cause=cmd.Note(text=payload[:99] or "x", by=payload)),
        ev.CheckpointSaved(step=60, name=payload, epoch=1),
        ev.SavingFailed(what=payload, error=payload or "full"),
        ev.Diagnosed(finding=payload, evidence=payload, advice=payload),
        ev.Logged(lines=[payload]),
        ev.Refused(reason=payload, step=1),
    )
    session.reply = lambda command: ev.Refused(reason=payload, step=60, cause=command)

    app = app_over(session)

    async with show(app, (140, 40)) as pilot:
        for key in ("k", "w", "w", "left_square_bracket", "1", "colon"):
            await press(pilot, key)
            clean(app)
        await press(pilot, "escape")
        session.say(payload)
        session.play(ev.RunFinished(step=60, reason="failed", detail=payload, epoch=1, exit_code=1))
        await settle(pilot)
        clean(app)
        await press(pilot, "q")
    assert app.return_value is not None
    assert app.return_value.exit_code == 1
