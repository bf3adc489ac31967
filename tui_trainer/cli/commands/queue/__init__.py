"""`tui-trainer queue`."""

from tui_trainer.cli.commands.queue.command import command as command
