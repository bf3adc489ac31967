"""The options of commands that can print one screen as text and leave."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui_trainer.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from tui_trainer.ui.printing.request import ScreenRequest

Command = TypeVar("Command", bound=Callable[..., Any])
WIDTH, HEIGHT = 100, 30
"""Size of a screen that is not printed to a terminal."""
INSTEAD = "add --once to print the screen as text"
"""Advice where there is no terminal."""


def once_options(screens: Sequence[str]) -> Callable[[Command], Callable[..., Any]]:
    """Add --once and its options to a command, which gets them as `once`: a request, or None without --once.

    Args:
        screens: the screens that the command can print, its usual one first.
    """

    def decorate(function: Command) -> Callable[..., Any]:
        @functools.wraps(function)
        def with_request(
            *args: Any,
            print_once: bool,
            width: int | None,
            height: int | None,
            screen: str | None,
            color: bool,
            **others: Any,
        ) -> Any:
            once = None
            if print_once:
                once = _request(screens, width, height, screen, color)
            elif (given := _first_given(width=width, height=height, screen=screen, color=color)) is not None:
                raise click.UsageError(f"--{given} needs --once")
            return function(*args, once=once, **others)

        decorated: Callable[..., Any] = with_request
        for option in reversed(_options(screens)):
            decorated = option(decorated)
        return decorated

    return decorate


def _options(screens: Sequence[str]) -> list[Callable[[Callable[..., Any]], Callable[..., Any]]]:
    names = f"{', '.join(screens[:-1])} or {screens[-1]}"
    return [
        click.option("--once", "print_once", is_flag=True, help="Print the screen as text and leave."),
        click.option("--width", type=click.IntRange(20, 1000), metavar="N", help="With --once: cells in a line."),
        click.option("--height", type=click.IntRange(5, 500), metavar="N", help="With --once: lines."),
        click.option("--screen", metavar="NAME", help=f"With --once: {names}  [default: {screens[0]}]"),
        click.option("--color", is_flag=True, help="With --once: print colours too, unless NO_COLOR is set."),
    ]


def _first_given(**values: object) -> str | None:
    return next((name for name, value in values.items() if value is not None and value is not False), None)


def _request(
    screens: Sequence[str], width: int | None, height: int | None, screen: str | None, color: bool
) -> ScreenRequest:
    from tui_trainer.ui.printing.request import ScreenRequest

    if screen is not None and screen not in screens:
        raise UserError(f"--screen {screen!r}: no such screen here; {did_you_mean(screen, screens)}")
    columns, lines = shutil.get_terminal_size((WIDTH, HEIGHT + 1))
    # The prompt that follows takes the last line of a terminal.
    width = width or min(max(columns, 20), 1000)
    height = height or min(max(lines - 1, 5), 500)
    return ScreenRequest(width, height, screen or screens[0], color)
