"""The base of the home screen and the lecture contents: a searchable list with details, and its keys."""

from tui_trainer.ui.screens.finder.screen import Finder as Finder
from tui_trainer.ui.screens.finder.screen import Group as Group
