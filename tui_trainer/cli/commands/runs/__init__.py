"""`tui-trainer runs`."""

from tui_trainer.cli.commands.runs.command import command as command
