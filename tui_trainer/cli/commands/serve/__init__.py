"""`tui-trainer serve`."""

from tui_trainer.cli.commands.serve.command import command as command
