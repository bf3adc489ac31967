"""The diagnosis on the screen: the findings page, the header and the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, finished, press, running, screen_text, settle, until
from tui_trainer.protocol import events as ev
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard.board import Board
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.settings import Settings

HIGH = ev.Diagnosed(
    finding="LR_HIGH",
    rank=7,
    epoch=3,
    step=200,
    evidence="step quality rho 0.39 (1 is a small step, below 0.5 too far): a step undoes more than half of what its "
    "gradient promised; large steps (u 0.071) in directions that do not agree (c -0.033)",
    numbers={"rho": 0.39},
    advice="remember the staircase: the rate to a tenth now (k), or StepLR as the schedule (s: staircase) from here on",
    key="k s",
)
FLAT = ev.Diagnosed(
    finding="PLATEAU", severity="note", rank=13, epoch=4, step=200, evidence="flat: 6 epochs without 1 % gain at 1.3",
    advice="act on LR_HIGH first",
)  # fmt: skip
STUCK = ev.Diagnosed(finding="STUCK", rank=6, epoch=2, step=100, evidence="training loss 2.3", active=False)


@asynccontextmanager
async def opened(
    session: FakeSession, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncGenerator[tuple[TrainerApp, Pilot[Any]]]:
    """The application over a session, after its first update."""
    app = app_over(session, **options)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot
        assert not app.errors


def page_of(app: TrainerApp) -> str:
    """Return the text of the open page, also of the lines that have to be scrolled to, on one line."""
    scroll = app.dashboard.query_one(Board).page_scroll if app.dashboard is not None else None
    return " ".join(str(scroll.query_one(Panel).render()).split()) if scroll is not None else ""


async def test_the_page_shows_the_headline_and_the_other_findings() -> None:
    session = running()
    session.play(FLAT, HIGH, STUCK)

    async with opened(session) as (app, pilot):
        await press(pilot, "i")
        lines = screen_text(app).splitlines()
        assert len(lines) == 24
        page = page_of(app)
        assert "! LR_HIGH The steps are too large" in page
        assert "since epoch 3" in page
        assert HIGH.evidence in page.replace("evidence ", "", 1)
        assert HIGH.advice.replace("(k)", "(o d)") in page.replace("advice ", "", 1)
        assert "keys [o d] [s]" in page
        assert page.index("PLATEAU") > page.index("keys [o d]")
        assert "resolved STUCK (epoch 2)" in page
        assert "val 0.7888" in screen_text(app), "the numbers stay visible"
        assert "1 loss" in screen_text(app), "and so do the charts"
        await press(pilot, "i")
        assert "evidence" not in screen_text(app)
        await press(pilot, "i", "escape")
        assert "evidence" not in screen_text(app)


async def test_the_page_names_the_keys_that_the_user_configured() -> None:
    session = running()
    session.play(HIGH)

    keys = {"drop_rate": "ctrl+d", "schedule": "", "diagnosis": "f2,i"}
    async with opened(session, settings=Settings(keys=keys), size=(110, 30)) as (app, pilot):
        await press(pilot, "i")
        page = page_of(app)
        assert "the rate to a tenth now (ctrl+d), or StepLR as the schedule (o s: staircase)" in page.replace(
            "^", "ctrl+"
        )
        assert "keys [" in page
        assert "[k]" not in page
        assert "! LR_HIGH (f2)" in screen_text(app)


async def test_header_and_log_show_a_new_finding() -> None:
    session = running()

    async with opened(session, (140, 40)) as (app, pilot):
        assert "LR_HIGH" not in screen_text(app)
        session.play(HIGH)
        await settle(pilot)
        top, *rest = screen_text(app).splitlines()
        assert "! LR_HIGH (i)" in top
        assert "epoch 4/10" in top
        assert "LR_HIGH: step quality rho 0.39" in "\n".join(rest)
        session.play(HIGH.model_copy(update={"again": True, "evidence": "step quality rho 0.2"}))
        await settle(pilot)
        assert "rho 0.2" not in screen_text(app)
        session.play(HIGH.model_copy(update={"active": False}))
        await settle(pilot)
        assert "LR_HIGH" not in screen_text(app).splitlines()[0]
        assert "LR_HIGH: resolved" in screen_text(app)


async def test_a_page_without_findings_does_not_call_the_run_healthy() -> None:
    session = running()

    async with opened(session) as (app, pilot):
        await press(pilot, "i")
        text = page_of(app)
        assert "No finding." in text
        assert "does not prove that the training works" in text
        assert "set training.probe_every" in text
        assert "healthy" not in text


async def test_a_finished_run_that_stopped_too_soon_shows_the_expected_loss() -> None:
    session = running()
    soon = ev.Diagnosed(
        finding="STOPPED_TOO_SOON", severity="note", rank=14, epoch=11, step=200, key="E",
        evidence="the training loss still fell 4.1% an epoch; at this slope 5 more epochs lead from 0.79 to about 0.6",
        advice="half as many again: tui-trainer resume RUN --epochs 15; while a run trains, E makes it longer",
    )  # fmt: skip
    session.play(soon, finished())

    async with opened(session) as (app, pilot):
        assert "STOPPED_TOO_SOON" not in screen_text(app).splitlines()[0], "no badge after the end"
        await press(pilot, "i")
        text = page_of(app)
        assert "5 more epochs lead from 0.79 to about 0.6" in text
        assert "tui-trainer resume RUN --epochs 15" in text


async def test_a_page_gives_way_to_another_one_and_stays_beside_a_chart() -> None:
    session = running()
    session.play(HIGH)

    async with opened(session) as (app, pilot):
        await press(pilot, "i", "w")
        await until(pilot, lambda: "silent" in screen_text(app))
        assert "evidence" not in screen_text(app)
        await press(pilot, "i", "3")
        await until(pilot, lambda: "3 gradient norm · smooth" in screen_text(app))
        assert "evidence" in screen_text(app)
