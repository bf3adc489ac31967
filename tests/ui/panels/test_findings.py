"""The diagnosis at the screen: its page at 80x24, the line on top, the log."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tests.ui.fake_session import app_over, finished, play, press, running, screen_text, settle, until
from tui_trainer.protocol import events as ev
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
SMALL = (80, 24)


def test_the_page_says_headline_evidence_advice_keys_and_the_others_at_80x24() -> None:
    session = running()
    session.play(FLAT, HIGH, STUCK)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "i")
        lines = screen_text(pilot.app).splitlines()
        assert len(lines) == 24
        page = " ".join(" ".join(line.split()) for line in lines)
        assert "! LR_HIGH The steps are too large" in page
        assert "since epoch 3" in page
        assert HIGH.evidence in page.replace("evidence ", "", 1)
        assert HIGH.advice in page.replace("advice ", "", 1)
        assert "keys [k] [s]" in page
        assert page.index("PLATEAU") > page.index("keys [k]")
        assert "STUCK (epoch 2): no longer so" in page
        assert "val 0.7888" in page, "the numbers stay in sight"
        await press(pilot, "i")
        assert "evidence" not in screen_text(pilot.app)
        await press(pilot, "i", "escape")
        assert "evidence" not in screen_text(pilot.app)

    play(app_over(session), script, SMALL)


def test_the_page_names_the_keys_of_whoever_reads_it() -> None:
    session = running()
    session.play(HIGH)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "i")
        page = " ".join(screen_text(pilot.app).split())
        assert (
            "the rate to a tenth now (ctrl+d), or StepLR as the schedule (no key for schedule: staircase)"
            in page.replace("^", "ctrl+")
        )
        assert "keys [" in page
        assert "[k]" not in page
        assert "! LR_HIGH (f2)" in page

    keys = {"drop_rate": "ctrl+d", "schedule": "", "diagnosis": "f2,i"}
    play(app_over(session, settings=Settings(keys=keys)), script, (110, 30))


def test_the_line_on_top_and_the_log_say_a_new_finding() -> None:
    session = running()

    async def script(pilot: Pilot[Any]) -> None:
        assert "LR_HIGH" not in screen_text(pilot.app)
        session.play(HIGH)
        await settle(pilot)
        top, *rest = screen_text(pilot.app).splitlines()
        assert "! LR_HIGH (i)" in top
        assert "epoch 4/10" in top
        assert "LR_HIGH: step quality rho 0.39" in "\n".join(rest)
        session.play(HIGH.model_copy(update={"again": True, "evidence": "step quality rho 0.2"}))
        await settle(pilot)
        assert "rho 0.2" not in screen_text(pilot.app)
        session.play(HIGH.model_copy(update={"active": False}))
        await settle(pilot)
        assert "LR_HIGH" not in screen_text(pilot.app).splitlines()[0]
        assert "LR_HIGH: resolved" in screen_text(pilot.app)

    play(app_over(session), script, SMALL)


def test_without_a_finding_nothing_is_called_well() -> None:
    session = running()

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "i")
        text = " ".join(screen_text(pilot.app).split())
        assert "No finding." in text
        assert "no proof that all is well" in text
        assert "have not been probed" in text
        assert "healthy" not in text

    play(app_over(session), script, SMALL)


def test_a_run_that_is_over_says_what_more_epochs_would_bring() -> None:
    session = running()
    soon = ev.Diagnosed(
        finding="STOPPED_TOO_SOON", severity="note", rank=14, epoch=11, step=200, key="E",
        evidence="the training loss still fell 4.1% an epoch; at this slope 5 more epochs lead from 0.79 to about 0.6",
        advice="half as many again: tui-trainer resume RUN --epochs 15; while a run trains, E makes it longer",
    )  # fmt: skip
    session.play(soon, finished())

    async def script(pilot: Pilot[Any]) -> None:
        assert "! STOPPED_TOO_SOON (i)" in screen_text(pilot.app).splitlines()[0]
        await press(pilot, "i")
        text = " ".join(screen_text(pilot.app).split())
        assert "5 more epochs lead from 0.79 to about 0.6" in text
        assert "tui-trainer resume RUN --epochs 15" in text

    play(app_over(session), script, SMALL)


def test_the_charts_come_back_with_their_own_key() -> None:
    session = running()
    session.play(HIGH)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "i", "w")
        await until(pilot, lambda: "silent" in screen_text(pilot.app))
        assert "evidence" not in screen_text(pilot.app)
        await press(pilot, "i", "1")
        await until(pilot, lambda: "1 loss" in screen_text(pilot.app))
        assert "evidence" not in screen_text(pilot.app)

    play(app_over(session), script, SMALL)
