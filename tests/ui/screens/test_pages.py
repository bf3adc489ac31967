"""Help, commands, search and copying: what they show, and that they send nothing."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import app_over, finished, press, running, screen_text, show
from tui_trainer.protocol import events as ev
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.forms.key_hints import hint_at, key_of, wrapped_hints
from tui_trainer.ui.screens.help import KeyLine, KeySection, dashboard_sections, filtered, page_of


async def test_help_begins_with_the_keys_of_the_view() -> None:
    app = app_over(running())

    async with show(app, (80, 24)) as pilot:
        for keys, title in (
            ((), "the charts"),
            (("i",), "the findings"),
            (("w",), "the layers"),
            (("h",), "the cursor"),
        ):
            await press(pilot, *["escape"] * 3, *keys, "question_mark")
            assert f"Here: {title}" in screen_text(app)
            await press(pilot, "question_mark")
            assert "Here:" not in screen_text(app)


async def test_typing_filters_the_keys() -> None:
    app = app_over(running())

    async with show(app, (80, 24)) as pilot:
        await press(pilot, "question_mark", *"optim")
        assert "Change the optimizer" in screen_text(app)
        assert "Zoom in." not in screen_text(app)
        await press(pilot, *["backspace"] * 5, "k")
        assert "Zoom in." in screen_text(app)
        assert "Change the optimizer" not in screen_text(app)


@pytest.mark.parametrize("width", [16, 34, 74, 96])
def test_no_key_is_cut_on_the_help_page(width: int) -> None:
    session = running()
    session.play(finished())
    app = app_over(session)
    dashboard = app.get_default_screen()
    dashboard.view_state.store.poll()  # type: ignore[attr-defined]
    sections = dashboard_sections(dashboard.view_state, {})  # type: ignore[attr-defined]
    page = page_of(sections, width).plain
    assert max(len(line) for line in page.splitlines()) <= max(width, 11 + 14)
    flat = " ".join(page.split())
    assert width < 34 or all(action.help in " ".join(flat.split()) for action in ACTIONS if width > 90)
    assert flat.count("the run is over") <= 4


def test_a_reason_that_a_section_shares_is_said_once() -> None:
    lines = tuple(KeyLine(key, "does it", reason="the run is over") for key in "abc")
    page = page_of([KeySection("Steer", lines)], 60).plain
    assert page.splitlines()[0] == "Steer (dimmed: the run is over)"
    assert page.count("over") == 1
    assert filtered([KeySection("Steer", lines)], "zzz") == []


async def test_a_theme_is_previewed_and_taken_back() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        before = app.theme
        await press(pilot, "t", "G")
        assert app.theme != before
        await press(pilot, "escape")
        assert app.theme == before
        await press(pilot, "colon", *"theme nord", "enter")
        assert app.theme == "nord"
    assert session.sent == []


async def test_the_search_goes_through_the_events() -> None:
    session = running()
    for step, text in ((100, "first needle"), (150, "hay"), (180, "needle two")):
        session.play(ev.Noted(step=step, text=text))
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "n")
        assert "search first" in screen_text(app)
        await press(pilot, "slash", *"needle", "enter")
        assert "1 of 2: note: needle two" in screen_text(app)
        await press(pilot, "n")
        assert "2 of 2: note: first needle" in screen_text(app)
        await press(pilot, "N")
        assert "1 of 2" in screen_text(app)
        await press(pilot, "slash", "ctrl+u", *"nothing like it", "enter")
        assert 'no event holds "nothing like it"' in screen_text(app)
    assert session.sent == []


async def test_copying_offers_values_names_and_commands() -> None:
    app = app_over(running())

    async with show(app, (120, 30)) as pilot:
        await press(pilot, "y")
        for words in ("val_loss=0.788", "runs/digits", "tui-trainer attach runs/digits"):
            assert words in screen_text(app)
        await press(pilot, "n")
        assert app.clipboard == "digits"
        assert "copied, if the terminal allows it: digits" in screen_text(app)


def test_hints_know_their_keys() -> None:
    hints = "enter open · j k ↑↓ choose · / search · f5 refresh · esc close"
    assert [key_of(hint) for hint in hints.split(" · ")] == ["enter", "j", "slash", "f5", "escape"]
    assert hint_at(hints, hints.index("/")) == "/ search"
    assert hint_at(hints, hints.index(" · / ") + 1) == ""
    assert wrapped_hints(hints, 30) == ["enter open · j k ↑↓ choose", "/ search · f5 refresh", "esc close"]
