"""`tui-trainer find-lr`."""

from tui_trainer.cli.commands.find_lr.command import command as command
