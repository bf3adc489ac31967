"""Opening the screen on a session, and what is said when it closes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tui_trainer.errors import UserError
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.ui.lecture.tour import LecturePlan


def check_terminal(instead: str = "") -> None:
    """Raise `UserError`, in one line, where no screen can be drawn; it says what to do `instead`."""
    from tui_trainer.ui.terminal.terminal_check import HEADLESS, terminal_problem

    problem = terminal_problem(instead=instead or HEADLESS)
    if problem is not None:
        raise UserError(problem)


def show(
    session: Session | Callable[[], Session] | None = None,
    *,
    catalogue: Catalog | None = None,
    programme: LecturePlan | None = None,
    read_only: bool = False,
    max_kbps: float | None = None,
) -> int:
    """The screen until it is left; returns the exit code. Raises `UserError` where the session could not be made.

    Args:
        session: what to watch, or what makes it: the first frame does not wait for that.
        max_kbps: the settings' own where None.
    """
    from tui_trainer.ui.app import run_app
    from tui_trainer.ui.settings import load_settings

    settings = load_settings()
    if max_kbps is not None:
        settings = replace(settings, max_kbps=max_kbps)
    result = run_app(session, catalogue=catalogue, programme=programme, settings=settings, read_only=read_only)
    if result.refused is not None:
        raise result.refused
    if result.message:
        for line in result.message.splitlines():
            click.echo(visible(line), err=result.exit_code != 0)
    return result.exit_code


def show_in_process(spec: HostSpec, max_kbps: float | None = None) -> int:
    """The screen with the training in this very process; leaving it waits until the run has been saved."""
    from tui_trainer.protocol.commands import Stop
    from tui_trainer.session.in_process import InProcessSession

    session = InProcessSession(spec)
    code = show(session, max_kbps=max_kbps)
    if not session.join(0):
        session.send(Stop(by="the screen was closed"))
        click.echo("saving the run ...", err=True)
        session.join()
    return code or session.exit_code
