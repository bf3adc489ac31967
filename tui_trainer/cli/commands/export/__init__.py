"""`tui-trainer export`: write runs to files that other programs open."""

from tui_trainer.cli.commands.export.command import command as command
