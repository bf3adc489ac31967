"""`tui-trainer mcp`: the runs of a directory as tools for an agent, over the Model Context Protocol."""

from __future__ import annotations

import importlib.util

import click

from tui_trainer.cli.options import runs_dir_option, sender_given, sender_options
from tui_trainer.errors import UserError


@click.command(
    epilog="""\b
Examples:
  tui-trainer mcp --runs-dir runs
  claude mcp add tui-trainer -- tui-trainer mcp --runs-dir /home/ann/project/runs"""
)
@click.option("--read-only", is_flag=True, help="Offer no tool that sends a command.")
@sender_options
@runs_dir_option
def command(read_only: bool, runs_dir: str | None) -> int:
    """Serve the runs of a directory to an agent on stdin and stdout: list runs, read curves in a few numbers, diagnose,
    compare, and send commands, each with a reason.

    A program that speaks the Model Context Protocol starts this. The agent may do what the run's permissions allow to
    agents (`[allow]` of its preset). Every screen shows what it does as it happens, and the key @ takes control from
    it. Needs the extra `mcp`.
    """
    if importlib.util.find_spec("mcp") is None:
        raise UserError("mcp needs the SDK of the Model Context Protocol: pip install 'tui-trainer[mcp]'")
    from tui_trainer.cli.commands.mcp.server import serve

    name, kind = sender_given()
    serve(runs_dir, name, kind or "agent", read_only=read_only)
    return 0
