"""The findings on the screen: the page, the badge of the header, the log, and the remarks after the end."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, finished, press, running, screen_text, settle, started, until
from tests.ui.fake_session import trained as trained_steps
from tui_trainer.diagnosis.findings import ORDER
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.panels.findings import badge, closing_findings, findings_page, shaded_stretch
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.settings import Settings

HIGH = ev.Diagnosed(
    finding="LR_HIGH",
    title="The rate looks high",
    rank=7,
    epoch=3,
    step=200,
    since_step=100,
    until_step=200,
    evidence="a step lowers its own batch's loss by 39% of what its gradient predicts: the loss is flat",
    why="Each step overshoots.",
    numbers={"rho": 0.39},
    actions=(
        ev.FindingAction(label="divide the rate by 10", action="rate", value="/10"),
        ev.FindingAction(label="use the staircase schedule", action="schedule", value="staircase"),
    ),
    curve="train_loss",
)
DEAD = ev.Diagnosed(
    finding="DEAD", title="Many units are dead", severity="alarm", rank=4, epoch=2, step=200, since_step=50,
    until_step=200, evidence="60% of the ReLUs in layer first are dead", why="A dead unit never learns again.",
    bars={"first": 0.6, "second": 0.1}, threshold=0.5,
    actions=(ev.FindingAction(label="repair the data", reason="no setting removes them"),),
)  # fmt: skip
BLOWN = ev.Diagnosed(
    finding="DIVERGE", title="The loss has blown up", severity="alarm", rank=1, epoch=4, step=200, since_step=150,
    until_step=200, evidence="training loss 5e5", curve="train_loss", cause_step=150, cause_id="a-1",
    likely_cause="You set the rate to 5 (x500) at step 150; everything since follows from it.",
    actions=(
        ev.FindingAction(label="undo it: back to step 150", action="undo"),
        ev.FindingAction(label="go back to the best epoch", action="roll_back"),
    ),
)  # fmt: skip
OLD = ev.Diagnosed(
    finding="PLATEAU", severity="note", rank=13, epoch=4, step=200, evidence="flat: 6 epochs. Cause: see LR_HIGH",
    advice="act on LR_HIGH first, with a tenth of the rate (k), or StepLR (s: staircase)", key="k s",
)  # fmt: skip
RISE = ev.SettingChanged(
    name="lr", value=5.0, previous=0.01, step=150, cause=cmd.SetLearningRate(value=5.0, id="a-1", by="me")
)


def run_with(*events: ev.AnyEvent) -> RunState:
    """Return a run of 200 steps with these events after it."""
    state = RunState(run="digits")
    state.apply(started(), ev.StatusChanged(status="running"), *trained_steps(200), *events)
    return state


def page(state: RunState, width: int = 42, **options: Any) -> str:
    """Return the text of the page; no row is wider than asked."""
    rows = findings_page(state, width, options.pop("icons", FANCY), {}, **options).plain.splitlines()
    assert max(map(len, rows)) <= width
    return "\n".join(rows)


def words(text: str) -> str:
    return " ".join(text.split())


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


@pytest.mark.parametrize("width", [24, 42, 78, 140])
@pytest.mark.parametrize("icons", [FANCY, PLAIN])
def test_a_finding_is_one_object(width: int, icons: Any) -> None:
    text = words(page(run_with(HIGH), width, icons=icons).replace("│", " ").replace("|", " "))
    for part in ("The rate looks high", "steps 100 to 200", "What you can do", "[1]", "[2]", "[3] mute this finding"):
        assert all(word in text for word in part.split()), part
    assert "since epoch 3" in text
    assert (icons is FANCY) == ("▲" in text)
    assert text.isascii() or icons is FANCY


def test_the_page_draws_a_bar_for_each_layer_with_its_threshold() -> None:
    rows = page(run_with(DEAD)).splitlines()
    first, second = (next(row for row in rows if row.startswith(name)) for name in ("first", "second"))
    assert first.index("│") == second.index("│"), "the threshold is a line"
    assert "▇" in first[first.index("│") :], "more than half of the units are dead"
    assert "▇" not in second[second.index("│") :]
    assert "60%" in first
    assert "10%" in second


def test_the_page_draws_the_curve_of_the_stretch() -> None:
    rows = page(run_with(HIGH)).splitlines()
    at = next(index for index, row in enumerate(rows) if "train loss between" in row)
    curve, rule = rows[at - 2], rows[at - 1]
    assert set(curve.strip()) <= set("▁▂▃▄▅▆▇█")
    assert rule.strip() == "─" * len(rule.strip())
    assert len(rule) == len(curve)
    assert rule.startswith(" "), "what came before the stretch is drawn for comparison"


def test_the_page_shows_the_selected_finding_in_full_and_the_others_by_title() -> None:
    state = run_with(HIGH, DEAD)
    first, second = page(state), page(state, selected=1)
    assert first.startswith("▲ Many units are dead")
    assert "1 of 2" in words(first)
    assert "· The rate looks high" in first
    assert second.startswith("▲ The rate looks high")
    assert "2 of 2" in words(second)
    assert "· Many units are dead" in second


def test_a_finding_that_is_gone_is_faded_and_not_in_the_log() -> None:
    over = HIGH.model_copy(update={"active": False})
    state = run_with(HIGH, over)
    text = page(state)
    assert "No finding." in text
    assert "gone: The rate looks high (steps 100 to" in text
    assert describe(over) is None
    assert describe(HIGH.model_copy(update={"again": True})) is None
    assert sum("rate looks high" in line.text for line in state.log) == 1


def test_a_muted_finding_is_only_named_at_the_end_of_the_page() -> None:
    state = run_with(HIGH, DEAD)
    text = page(state, muted=frozenset(["DEAD"]))
    assert text.startswith("▲ The rate looks high")
    assert "muted: Many units are dead (D shows them" in text
    assert badge(state, frozenset(["DEAD"])).plain == "▲ The rate looks high"
    assert not badge(state, frozenset(["DEAD", "LR_HIGH"]))


def test_the_header_names_at_most_one_finding_and_none_after_the_end() -> None:
    assert badge(run_with(HIGH, DEAD)).plain == "▲ Many units are dead"
    assert badge(run_with(HIGH), icons=PLAIN).plain == "! The rate looks high"
    assert not badge(run_with(OLD)), "a note is for the page"
    assert not badge(run_with(HIGH, finished()))
    assert not badge(run_with())


def test_the_stretch_of_an_active_finding_reaches_to_the_present_step() -> None:
    assert shaded_stretch(run_with(HIGH)) == ((100.0, 200.0),)
    assert shaded_stretch(run_with(HIGH, *trained_steps(50, 201))) == ((100.0, 250.0),)
    assert shaded_stretch(run_with(HIGH, DEAD), selected=1) == ((100.0, 200.0),)
    assert shaded_stretch(run_with()) == ()


def test_the_cause_stands_first_and_its_undo_counts_the_changes_since() -> None:
    text = words(page(run_with(RISE, BLOWN)))
    assert "You set the rate to 5 (x500) at step 150; everything since follows from it." in text
    assert "[1] undo it: back to step 150 u" in text
    clip = ev.SettingChanged(
        name="clip_grad_norm", value=1.0, previous=0.0, step=160, cause=cmd.SetClip(value=1, id="b")
    )
    assert "[1] undo the last 2 changes: back to step 150 u" in words(page(run_with(RISE, clip, BLOWN)))
    assert "undo" not in page(run_with(BLOWN)), "there is nothing left to undo"


def test_the_log_names_the_cause_and_no_identifier() -> None:
    assert describe(BLOWN) == f"The loss has blown up: {BLOWN.likely_cause}"
    assert describe(OLD) == 'The loss is flat: flat: 6 epochs. Cause: see "The rate looks high"'


def test_findings_of_earlier_journals_are_shown_in_plain_words() -> None:
    text = words(page(run_with(OLD)))
    assert text.startswith("▲ The loss is flat since epoch 4 · steps 150 to 200")
    assert "[1] divide the rate by 10" in text
    assert "[2] use the staircase schedule from here on" in text
    assert not re.search("|".join(ORDER), text)
    assert not re.search("|".join(ORDER), describe(OLD) or "")
    unknown = OLD.model_copy(update={"finding": "NEW_ONE", "key": "", "advice": ""})
    assert words(page(run_with(unknown))).startswith("▲ new one since epoch 4")


def test_the_end_suggests_a_new_run() -> None:
    assert closing_findings(run_with(HIGH, finished())) == [
        "The rate looks high. Next time: train again with the rate 0.001."
    ]
    state = run_with(RISE, BLOWN, DEAD.model_copy(update={"likely_cause": BLOWN.likely_cause}), finished())
    assert closing_findings(state) == [f"The loss has blown up. {BLOWN.likely_cause}"], "one cause, one remark"
    assert closing_findings(run_with(OLD, finished())) == [], "a note is no advice"
    text = words(page(run_with(HIGH, finished())))
    assert "Next time [1] train again with the rate 0.001 o N optimizer.lr=0.001" in text
    assert "found in epoch 3" in text


def test_a_page_without_findings_does_not_call_the_run_healthy() -> None:
    text = words(page(run_with()))
    assert "No finding." in text
    assert "does not prove that the training works" in text
    assert "set training.probe_every" in text
    assert "healthy" not in text


async def test_the_page_opens_and_closes_and_a_number_opens_the_form_of_an_action() -> None:
    session = running()
    session.play(HIGH)

    async with opened(session) as (app, pilot):
        assert "The rate looks high" in screen_text(app).splitlines()[0]
        await press(pilot, "i")
        assert "What you can do" in screen_text(app)
        await press(pilot, "1")
        await until(pilot, lambda: "Learning rate" in screen_text(app))
        assert session.sent == [], "a form asks first"
        await press(pilot, "escape", "2")
        await until(pilot, lambda: "cosine" in screen_text(app))
        await press(pilot, "escape", "i")
        assert "What you can do" not in screen_text(app)
        assert session.sent == []


async def test_an_undo_by_number_asks_and_undoes_all_changes_since_the_cause() -> None:
    session = running()
    clip = ev.SettingChanged(
        name="clip_grad_norm", value=1.0, previous=0.0, step=160, cause=cmd.SetClip(value=1, id="b")
    )
    session.play(RISE, clip, BLOWN)

    async with opened(session, (110, 30)) as (app, pilot):
        await press(pilot, "i", "1")
        await until(pilot, lambda: "Leave it as it is" in screen_text(app))
        assert "2 changes are undone" in screen_text(app)
        assert session.sent == []
        await press(pilot, "escape", "1")
        await until(pilot, lambda: "Leave it as it is" in screen_text(app))
        await press(pilot, "u")
        await until(pilot, lambda: len(session.sent) == 2)
        assert [type(command) for command in session.sent] == [cmd.Undo, cmd.Undo]


async def test_the_arrows_select_a_finding_and_mute_hides_it_until_it_is_asked_for() -> None:
    session = running()
    session.play(HIGH, DEAD)

    async with opened(session, (110, 30)) as (app, pilot):
        await press(pilot, "i")
        assert "steps 50 to 200" in screen_text(app)
        await press(pilot, "down")
        assert "steps 100 to 200" in screen_text(app)
        await press(pilot, "up", "1")
        assert "no setting removes them" in screen_text(app).splitlines()[-2], "an action without a key says why"
        await press(pilot, "D")
        assert "The rate looks high" in screen_text(app).splitlines()[0]
        assert "muted: Many units are dead" in screen_text(app)
        await press(pilot, "3")
        assert "No finding." in screen_text(app)
        await press(pilot, "D")
        assert "Many units are dead" in screen_text(app).splitlines()[0]
        assert session.sent == []


async def test_the_page_names_the_keys_that_the_user_configured() -> None:
    session = running()
    session.play(HIGH)

    keys = {"rate": "ctrl+d", "schedule": "", "diagnosis": "f2,i"}
    async with opened(session, settings=Settings(keys=keys), size=(110, 30)) as (app, pilot):
        await press(pilot, "i")
        assert app.dashboard is not None
        text = words(str(app.dashboard.query_one("#rail-text", Panel).render()))
        assert "divide the rate by 10 ^d /10" in text
        assert "use the staircase schedule o s staircase" in text
        assert "The rate looks high (f2)" in screen_text(app)


async def test_header_and_log_show_a_new_finding_once() -> None:
    session = running()

    async with opened(session) as (app, pilot):
        assert "The rate looks high" not in screen_text(app)
        session.play(HIGH)
        await settle(pilot)
        top, *rest = screen_text(app).splitlines()
        assert "▲ The rate looks high" in top
        assert "The rate looks high: a step lowers" in "\n".join(rest)
        session.play(HIGH.model_copy(update={"again": True, "evidence": "newer"}))
        await settle(pilot)
        assert "newer" not in screen_text(app)
        session.play(HIGH.model_copy(update={"active": False}))
        await settle(pilot)
        assert "The rate looks high" not in screen_text(app).splitlines()[0]
