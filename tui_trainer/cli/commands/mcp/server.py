"""The tools of `tui-trainer mcp`, on the official SDK of the Model Context Protocol."""

# The SDK is an extra: without it, nothing is known of its classes.
# pyright: reportMissingImports=false, reportUntypedFunctionDecorator=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownParameterType=false, reportUnknownArgumentType=false
# pyright: reportUnusedFunction=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tui_trainer import __version__
from tui_trainer.cli.commands.compare import as_json_fields
from tui_trainer.cli.commands.diagnose import diagnosed
from tui_trainer.cli.commands.mcp.reading import RunReader
from tui_trainer.cli.commands.mcp.steering import steer
from tui_trainer.errors import UserError
from tui_trainer.protocol.wheel.sender import own_name
from tui_trainer.runs.comparing.comparison import compare
from tui_trainer.text import visible

INSTRUCTIONS = """Runs of tui-trainer: torch models that train, or have trained, on this machine.
Look first (list_runs, read_run, read_curves, diagnose), then act with send_command, one change at a time, and always
say why in `because`: a person reads it as it happens. read_run says in `agents_may` what agents may do to a run; a
refusal names the rule. Where a person has the wheel, wait: do not try again before it is free. After a change, let some
steps pass and read the curves again; `undo` takes the last change back."""

Answer = TypeVar("Answer")


def make_server(runs_dir: str | None, name: str, kind: str, *, read_only: bool = False) -> MCPServer[Any]:
    """Return the server with its tools.

    Args:
        runs_dir: the runs directory; None for the usual one.
        name: of the sender; empty for what the client calls itself.
        kind: of the sender.
        read_only: offer no tool that sends a command.
    """
    server: MCPServer[Any] = MCPServer(
        "tui-trainer", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    reader = RunReader(runs_dir)

    @server.tool()
    def list_runs() -> dict[str, Any]:
        """List the runs: name, status (running, paused, finished, failed, dead), epoch, step, last and best metrics."""
        return _said(reader.runs)

    @server.tool()
    def read_run(run: str) -> dict[str, Any]:
        """Read one run: model, data, settings in force, findings, what was done to it, by whom and why, who has the
        wheel, and what agents may do. `run` is a name, a unique prefix of one, or `last`."""
        return _said(lambda: reader.run(run))

    @server.tool()
    def read_curves(
        run: str, names: list[str] | None = None, points: int = 40, first_step: int = 0, last_step: int | None = None
    ) -> dict[str, Any]:
        """Read curves in a few points: step, mean, lowest and highest value of each bucket of steps. Without names:
        losses, rate and gradient norm. Narrow the steps to see more detail."""
        return _said(lambda: reader.curves(run, names or [], points, first_step, last_step))

    @server.tool()
    def diagnose(run: str) -> dict[str, Any]:
        """List likely problems of a run with evidence, cause and what may help."""
        return _said(lambda: diagnosed(reader.find(run)))

    @server.tool()
    def compare_runs(runs: list[str]) -> dict[str, Any]:
        """Compare runs: results, the settings in which they differ, what was done to each, and whether their losses can
        be compared."""
        return _said(lambda: as_json_fields(compare(reader.found(runs))))

    if not read_only:

        @server.tool()
        def send_command(
            run: str, command: str, because: str, context: Context, values: dict[str, Any] | None = None
        ) -> dict[str, Any]:
            """Send a command to a live run, with a reason that people read: pause, resume, step {count}, set-lr {value}
            or {factor}, set-clip {value}, set-patience {patience}, set-epochs {value}, set-scheduler {kind},
            set-optimizer {kind}, set-knob {name, value}, validate, save, undo, note {text}, stop. The permissions of
            the run decide which of them agents may send."""
            sender = (name or _client_name(context) or own_name("mcp"), kind)
            return _said(lambda: steer(run, command, values or {}, because, sender=sender, runs_dir=runs_dir))

    return server


def serve(runs_dir: str | None, name: str, kind: str, *, read_only: bool) -> None:
    """Serve the tools on stdin and stdout until the client leaves."""
    make_server(runs_dir, name, kind, read_only=read_only).run()


def _said(answer: Callable[[], Answer]) -> Answer:
    """Return an answer; an error of the user becomes one that the client shows."""
    try:
        return answer()
    except (UserError, OSError) as error:
        raise ToolError(visible(str(error))) from None


def _client_name(context: Context[Any, Any]) -> str:
    """Return what the client calls itself, empty where it does not say."""
    parameters = context.session.client_params
    return visible(" ".join(parameters.client_info.name.split()))[:80] if parameters is not None else ""
