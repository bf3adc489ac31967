"""Open the screen on a session, and print its message when it closes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import projector_given, sender_given
from tui_trainer.errors import UserError
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.session.remote.address import Address
    from tui_trainer.ui.lecture.tour import LecturePlan
    from tui_trainer.ui.printing.request import ScreenRequest
    from tui_trainer.ui.settings import Settings


def check_terminal(instead: str = "") -> None:
    """Check that the screen can be drawn on this terminal.

    Args:
        instead: advice for the user; by default to use --headless.

    Raises:
        UserError: the screen cannot be drawn here; the message names the reason and the advice.
    """
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
    once: ScreenRequest | None = None,
    page: str = "",
) -> int:
    """Show the screen until the user leaves it, and return the exit code.

    Args:
        session: the session to show, or a function that opens one. The function is called after the first frame.
        catalogue: presets and runs for the home screen.
        programme: the lecture, shown in place of the home screen.
        read_only: disable the keys that change the training.
        max_kbps: limit in kB per second for output to the terminal; None uses the setting.
        once: print this screen as text instead.
        page: the page that is open beside the charts at first.

    Raises:
        UserError: the function could not open a session. The terminal has been restored by then.
    """
    from tui_trainer.ui.settings import checked_sender, load_settings

    settings = load_settings()
    if projector_given():
        settings = replace(settings, projector=True)
    name, kind = sender_given()
    if name or kind:
        settings = checked_sender(settings, name, kind)
    if once is not None:
        _print(session, once, catalogue, programme, settings)
        return 0
    gc.disable()  # until the first picture: `run_app` enables it again
    from tui_trainer.ui.run_app import run_app

    if max_kbps is not None:
        settings = replace(settings, max_kbps=max_kbps)
    result = run_app(
        session, catalogue=catalogue, programme=programme, settings=settings, read_only=read_only, page=page
    )
    if result.refused is not None:
        raise result.refused
    if result.message:
        for line in result.message.splitlines():
            click.echo(visible(line), err=result.exit_code != 0)
    return result.exit_code


def _print(
    session: Session | Callable[[], Session] | None,
    request: ScreenRequest,
    catalogue: Catalog | None,
    programme: LecturePlan | None,
    settings: Settings,
) -> None:
    """Print a screen on stdout; in ASCII where it takes nothing else."""
    from tui_trainer.ui.printing.print_screen import print_screen

    utf8 = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
    settings = settings if utf8 else replace(settings, ascii=True)
    lines = print_screen(session, request, catalogue=catalogue, programme=programme, settings=settings)
    for line in lines:
        click.echo(line, color=request.color)  # click would drop colours where stdout is no terminal


def show_folders(
    folders: Sequence[Path], *, max_kbps: float | None = None, page: str = "", once: ScreenRequest | None = None
) -> int:
    """Show run directories in the same charts, and return the exit code.

    Args:
        folders: the run directories.
        max_kbps: limit in kB per second for output to the terminal; None uses the setting.
        page: the page that is open beside the charts at first.
        once: print this screen as text instead.
    """
    from tui_trainer.runs.loading.background_load import start_background_load

    # Reading long journals in other processes overlaps with importing the screen.
    readings = [start_background_load(folder / "events.jsonl") for folder in folders]

    def open_session() -> Session:
        from tui_trainer.session.finished_run import JournalSession
        from tui_trainer.session.multi import MultiSession

        sessions = [JournalSession(folder, reading) for folder, reading in zip(folders, readings, strict=True)]
        return sessions[0] if len(sessions) == 1 else MultiSession(sessions)

    return show(open_session, read_only=True, max_kbps=max_kbps, page=page, once=once)


def connect_to(address: Address, *, can_steer: bool = True) -> Session:
    """Connect to a run on another machine before there is a screen, so that ssh can ask for a password.

    Raises:
        UserError: it cannot be reached, or has no such run.
    """
    from tui_trainer.session.remote.remote_session import remote_session
    from tui_trainer.ui.settings import load_settings

    address = address.with_defaults(load_settings().hosts.get(address.host, {}))
    click.echo(f"connecting to {visible(address.host)} ...", err=True)
    return remote_session(address, can_steer=can_steer)


def launch_and_show(
    make_spec: Callable[[], HostSpec], *, max_kbps: float | None = None, once: ScreenRequest | None = None
) -> int:
    """Show the screen, and launch its host after the first frame; return the exit code.

    Args:
        make_spec: returns the checked spec of the host. It is called after the first frame, because importing the
            models of the configuration takes longer than drawing that frame.
        max_kbps: limit in kB per second for output to the terminal; None uses the setting.
        once: print this screen as text once the run has begun, and leave it training.

    Raises:
        UserError: raised by `make_spec`. The terminal has been restored by then, and no host was launched.
    """

    def open_session() -> Session:
        from tui_trainer.session.launch import launch

        return launch(make_spec()).session()

    return show(open_session, max_kbps=max_kbps, once=once)


def show_in_process(spec: HostSpec, max_kbps: float | None = None) -> int:
    """Train in this process and show the screen; after the user leaves, wait until the run has been saved."""
    from tui_trainer.protocol.commands import Stop
    from tui_trainer.session.in_process import InProcessSession

    session = InProcessSession(spec)
    code = show(session, max_kbps=max_kbps)
    if not session.join(0):
        session.send(Stop(by="the screen was closed"))
        click.echo("saving the run ...", err=True)
        session.join()
    return code or session.exit_code
