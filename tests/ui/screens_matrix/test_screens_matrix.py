"""Every screen at three sizes in the dark and the light theme, without colours and in ASCII.

After a deliberate change, run with `--snapshot-update`, which writes the pictures, and read each changed file.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.screens_matrix.picture import as_text, pictures
from tests.ui.screens_matrix.screens import MODES, SCREENS
from tui_trainer.ui.panels import progress

FOLDER = Path(__file__).parent / "pictures"
SHORT = ("dashboard", "steer-panel", "home")
"""Screens of the normal run; the others are left to the long one."""


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/ann/.config")  # the settings name their file
    monkeypatch.setattr(progress, "time", lambda: 0.0)  # a message is always "just now", at any load
    yield
    monkeypatch.undo()
    time.tzset()


def _in_mode(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in SHORT else pytest.mark.long) for name in SCREENS]
)
async def test_screen(name: str, mode: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    _in_mode(mode, monkeypatch)
    taken = await pictures(SCREENS[name], mode)
    if mode == "ascii":
        for title, lines, _ in taken:
            strange = [line for line in lines if not line.isascii()]
            assert not strange, f"{title}: {strange}"
    for title, lines, _ in taken:
        assert any(line.strip() for line in lines), f"{title} is blank"
    path = FOLDER / f"{name}.{mode.replace(' ', '-')}.txt"
    text = as_text(taken)
    if request.config.getoption("--snapshot-update"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
