"""`tui-trainer bake`: write a steered run as a preset that repeats it."""

from tui_trainer.cli.commands.bake.command import command as command
