"""The list from which logs are chosen where there are too many for one screen."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tui_trainer.ui.screens.pick_logs import PickLogs

NAMES = [f"run {index}\x1b[31m" for index in range(500)]


def chosen(*keys: str, most: int = 50, size: tuple[int, int] = (80, 24)) -> tuple[list[int] | None, str]:
    """The answer to some keys, and the text of the screen before the last one."""
    app = PickLogs("500 logs", NAMES, most)

    async def press() -> str:
        async with app.run_test(size=size) as pilot:
            await pilot.press(*keys[:-1])
            await pilot.pause()
            text = "\n".join("".join(part.text for part in line) for line in app.screen._compositor.render_strips())
            await pilot.press(keys[-1])
            return text

    text = asyncio.run(press())
    return app.return_value, text


def test_space_chooses_and_enter_answers() -> None:
    answer, text = chosen("space", "down", "down", "space", "enter")
    assert answer == [0, 2]
    assert "500 of 500 · 2 chosen" in text
    assert [line.strip()[:9] for line in text.splitlines()[1:4]] == ["[x] run 0", "[ ] run 1", "[x] run 2"]
    assert "\x1b" not in text


def test_enter_alone_takes_the_highlighted_one() -> None:
    assert chosen("j", "j", "j", "k", "enter")[0] == [2]


def keys_for(text: str) -> Sequence[str]:
    return ["slash", *text, "enter"]


def test_a_filter_keeps_what_was_chosen() -> None:
    answer, text = chosen("space", *keys_for("499"), "space", "enter", size=(60, 12))
    assert answer == [0, 499]
    assert "1 of 500 · 2 chosen" in text
    assert "run 498" not in text


def test_no_more_than_fit_can_be_chosen() -> None:
    answer, text = chosen("space", "down", "space", "down", "space", "enter", most=2)
    assert answer == [0, 1]
    assert "no more than 2" in text


def test_leaving_chooses_nothing() -> None:
    assert chosen("space", "q")[0] == []
    assert chosen(*keys_for("49"), "escape", "escape")[0] == []
