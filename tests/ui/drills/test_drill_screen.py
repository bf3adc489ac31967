"""A drill on the screen: what is hidden, what waits for the cause, the question, hints, and a new start."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.fake_session import FakeSession, app_over, finished, press, running, screen_text, show, started, trained
from tui_trainer.config.preset import load
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_list import Announced
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.cards.start_card import start_facts
from tui_trainer.ui.drills.restart import notes_of_drill

CONFIG = load("drill-6").first.model_dump(mode="json", exclude_none=True)
STUCK = ev.Diagnosed(
    finding="UNDERFIT",
    severity="warning",
    active=True,
    evidence="the loss is flat at 1.1",
    likely_cause="the model has too few units",
    step=150,
    epoch=3,
)


def drill(*events: ev.AnyEvent, **changes: Any) -> FakeSession:
    """Return a session with a drill that has trained for 200 steps and has a finding."""
    session = FakeSession("drill-6")
    begun = started("Drill 6: another flat line", config=CONFIG, preset="drill-6", path="runs/drill-6", **changes)
    session.play(begun, ev.StatusChanged(status="running"), *trained(200), STUCK, *events)
    session.reply = answer
    return session


def answer(command: cmd.AnyCommand) -> ev.AnyEvent | None:
    """Answer a note as a host does."""
    return ev.Noted(text=command.text, step=200, cause=command) if isinstance(command, cmd.Note) else None


async def test_nothing_on_the_screen_gives_the_cause_away() -> None:
    async with show(app_over(drill()), (140, 40)) as pilot:
        shown = screen_text(pilot.app)
        for word in ("too few units", "64-128-10", "1,797 images", "UNDERFIT", "capacity"):
            assert word not in shown, word
        assert "hidden until named (!)" in shown
        assert "press ! and name" in shown
        assert "loss" in shown
        await press(pilot, "i")
        assert "too few units" not in screen_text(pilot.app)


async def test_keys_that_steer_wait_for_the_cause() -> None:
    session = drill()
    async with show(app_over(session), (140, 40)) as pilot:
        for key in ("plus", "minus", "s", "u"):
            await press(pilot, key)
            assert "name the cause first: press !" in screen_text(pilot.app)
            await press(pilot, "escape")
        assert session.sent == []
        await press(pilot, "space")
        assert isinstance(session.sent[-1], cmd.Pause)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_the_cause_is_named_by_a_letter_and_frees_the_keys(size: tuple[int, int]) -> None:
    session = drill()
    async with show(app_over(session), size) as pilot:
        await press(pilot, "exclamation_mark")
        asked = screen_text(pilot.app)
        assert "What is wrong with this run?" in asked
        letter = "abcdef"[sorted(CONFIG["drill"]["choices"]).index("capacity")]
        await press(pilot, letter)
        assert session.last(cmd.Note).text == "drill: the cause is capacity"
        await press(pilot, "plus")
        assert session.last(cmd.SetLearningRate).factor == 2.0


async def test_the_answer_lifts_the_veil() -> None:
    async with show(app_over(drill()), (140, 40)) as pilot:
        await press(pilot, "exclamation_mark", "a")
        shown = screen_text(pilot.app)
        assert "64-128-10" in shown
        assert "Cure it by the keys" in shown
        await press(pilot, "i")
        assert "too few units" in screen_text(pilot.app)
        await press(pilot, "exclamation_mark")
        assert "You said:" in screen_text(pilot.app)


async def test_a_hint_shows_the_findings_and_keeps_the_keys_locked() -> None:
    session = drill()
    async with show(app_over(session), (140, 40)) as pilot:
        await press(pilot, "exclamation_mark", "h")
        assert session.last(cmd.Note).text == "drill: hint"
        await press(pilot, "i")
        assert "too few units" in screen_text(pilot.app)
        await press(pilot, "plus")
        assert "name the cause first" in screen_text(pilot.app)


async def test_a_run_that_is_over_keeps_the_answer_for_its_new_start() -> None:
    session = drill(finished("not-finite", "the loss became NaN at step 200", exit_code=1))
    async with show(app_over(session), (140, 40)) as pilot:
        await press(pilot, "exclamation_mark", "b")
        assert session.sent == [], "a run that is over takes no commands"
        state = pilot.app.dashboard.selected_run  # type: ignore[attr-defined]
        named = sorted(CONFIG["drill"]["choices"])[1]
        assert notes_of_drill(state) == [
            f"drill: the cause is {named}",
            "drill: started again after 200 steps, 0 interventions, 1 starts",
        ]


async def test_other_runs_have_nothing_of_it() -> None:
    session = running()
    async with show(app_over(session), (140, 40)) as pilot:
        await press(pilot, "exclamation_mark")
        assert "this run is no drill" in screen_text(pilot.app)
        assert "name the cause" not in screen_text(pilot.app)
        assert notes_of_drill(RunState()) == []


def test_interventions_and_earlier_starts_are_carried_on() -> None:
    state = RunState(run="drill-6")
    rate = cmd.SetLearningRate(factor=0.1, id="1")
    state.apply(
        started(config=CONFIG),
        ev.Noted(
            text="drill: started again after 300 steps, 2 interventions, 1 starts", step=0, cause=cmd.Note(text="x")
        ),
        ev.Noted(text="drill: the cause is noise", step=0, cause=cmd.Note(text="x")),
        *trained(100),
        ev.SettingChanged(name="lr", value=0.1, previous=1.0, step=100, cause=rate),
    )
    assert notes_of_drill(state) == [
        "drill: the cause is noise",
        "drill: started again after 400 steps, 3 interventions, 2 starts",
    ]


def test_the_card_of_the_start_hides_the_settings() -> None:
    run = Announced(name="drill-6", path="/nowhere/drill-6", preset="drill-6", title="Drill 6", config=CONFIG)
    facts = start_facts(run)
    assert (facts.title, facts.model, facts.data, facts.optimizer) == ("Drill 6", "", "", "")


def test_the_findings_of_a_host_that_greets_stay_behind_the_veil() -> None:
    state = RunState(run="drill-6")
    state.apply(started(config=CONFIG), *trained(100), STUCK)
    assert (state.findings, list(state.withheld)) == ({}, ["UNDERFIT"])
    assert not any("too few units" in line.text for line in state.log)
    again = RunState.model_validate_json(state.model_dump_json())
    again.apply(ev.Noted(text="drill: hint", step=100))
    assert (list(again.findings), again.withheld) == (["UNDERFIT"], {})
    assert again.drill is not None
    assert again.drill.hints == 1
