"""The lines of a searchable list of thousands, each made again only where its item has changed."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.content import Content
from textual.widgets.option_list import Option

from tui_trainer.text import visible
from tui_trainer.ui.forms.long_list import LongOption
from tui_trainer.ui.fuzzy import prepared

Item = TypeVar("Item")


@dataclass(slots=True)
class ListLine(Generic[Item]):
    """An item with its line in the list and the texts, in lower case, that it is found by."""

    item: Item
    texts: tuple[str, ...]
    option: LongOption


class ListLines(Generic[Item]):
    """The lines of items and headings.

    Args:
        key: returns the unique id of an item.
        texts: returns the texts that an item is found by.
        content: returns the text of its line, when it becomes visible.
    """

    def __init__(
        self, key: Callable[[Item], str], texts: Callable[[Item], Sequence[str]], content: Callable[[Item], Content]
    ) -> None:
        self._key, self._texts, self._content = key, texts, content
        self._lines: dict[str, ListLine[Item]] = {}
        self._headings: dict[str, Option] = {}

    def of(self, item: Item) -> ListLine[Item]:
        """Return the line of an item."""
        key = self._key(item)
        known = self._lines.get(key)
        if known is None or (known.item is not item and known.item != item):
            option = LongOption(lambda: self._content(item), id=key)
            known = self._lines[key] = ListLine(item, tuple(prepared(self._texts(item))), option)
        return known

    def heading(self, text: str, style: str = "bold $secondary") -> Option:
        """Return a line that cannot be chosen; a text that begins with a line break stands for the blank line."""
        if text not in self._headings:
            content = Content("") if text.startswith("\n") else Content.styled(visible(text), style)
            self._headings[text] = Option(content, disabled=True)
        return self._headings[text]

    def make_again(self) -> None:
        """Make the texts of all items again when they are seen next."""
        for line in self._lines.values():
            line.option.forget()

    def keep(self, keys: Container[str]) -> None:
        """Forget the lines of all other items."""
        self._lines = {key: line for key, line in self._lines.items() if key in keys}
