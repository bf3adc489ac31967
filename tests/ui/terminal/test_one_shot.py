"""Timers that fire once, in a process that is held up between two lines."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest
from textual import timer
from textual.app import App

from tui_trainer.ui.terminal.one_shot import call_after


async def test_a_timer_fires_though_its_time_was_over_when_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    fired, seconds = asyncio.Event(), count()
    async with App[Any]().run_test() as pilot:
        with monkeypatch.context() as patch:
            patch.setattr(timer._time, "get_time", lambda: float(next(seconds)))  # a second between two looks
            call_after(pilot.app, 0.005, fired.set)
            await asyncio.wait_for(fired.wait(), 20)
