"""`tui-trainer mcp`."""

from tui_trainer.cli.commands.mcp.command import command as command
