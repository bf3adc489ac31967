"""A list of thousands of lines that makes the text of those on the screen alone."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.visual import Visual, visualize
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui_trainer.ui.forms.list_keys import Picker


class LongOption(Option):
    """One line of a `LongList`. Its text is made when the line is first seen, and again after the list was resized."""

    def __init__(self, make: Callable[[], Content], *, id: str | None = None) -> None:
        super().__init__("", id=id, disabled=id is None)
        self._make = make

    __hash__ = object.__hash__

    @property
    def is_made(self) -> bool:
        """Whether the text has been made."""
        return self._visual is not None

    def make(self, widget: OptionList) -> None:
        """Make the text."""
        self._visual = visualize(widget, self._make(), markup=False)

    def forget(self) -> None:
        """Make the text again when the line is seen next."""
        self._visual = None


class LongList(Picker):
    """An option list whose options have one line each, so that it need not measure them to know where each one is."""

    made = 0
    """Texts that were made so far."""

    def show(self, options: Sequence[Option]) -> None:
        """Show other options. An option that is the same object as before is not drawn again."""
        old = self._options
        if len(options) == len(old) and all(map(operator.is_, options, old)):
            return
        highlighted = self.highlighted_option
        if [option.id for option in options] == [option.id for option in old]:
            self._replace(options)
            if self.highlighted_option is not highlighted and self.highlighted is not None:
                self.post_message(self.OptionHighlighted(self, options[self.highlighted], self.highlighted))
            return
        self._set(options)
        if highlighted is not None and highlighted.id in self._id_to_option:
            self.highlighted = self.get_option_index(highlighted.id)
        else:
            self.highlighted = next((index for index, option in enumerate(options) if not option.disabled), None)

    def _set(self, options: Sequence[Option]) -> None:
        """Show options with other ids: the same as `set_options`, in a tenth of its time."""
        self._options[:] = options
        self._id_to_option = {option.id: option for option in options if option.id is not None}
        self._option_to_index = {option: index for index, option in enumerate(options)}
        self._line_cache.clear()
        self._option_render_cache.clear()
        self.highlighted = None
        self.scroll_y = 0
        self.refresh()
        self._update_lines()

    def _replace(self, options: Sequence[Option]) -> None:
        """Replace options by others with the same ids, and keep position and highlight."""
        for index, option in enumerate(options):
            if option is not self._options[index]:
                del self._option_to_index[self._options[index]]
                self._options[index] = option
                self._option_to_index[option] = index
                if option.id is not None:
                    self._id_to_option[option.id] = option
        self._option_render_cache.clear()
        self.refresh()

    def make_again(self) -> None:
        """Make the texts again when they are seen next."""
        for option in self._options:
            if isinstance(option, LongOption):
                option.forget()
        self._option_render_cache.clear()
        self.refresh()

    def _get_visual(self, option: Option) -> Visual:
        if isinstance(option, LongOption) and not option.is_made:
            self.made += 1
            option.make(self)
        return super()._get_visual(option)

    def on_resize(self) -> None:
        """Fit the texts to the new width."""
        self.make_again()

    def _update_lines(self) -> None:
        if not self.scrollable_content_region:
            return
        cache, count = self._line_cache, self.option_count
        if len(cache.lines) != count:
            cache.lines[:] = [(index, 0) for index in range(count)]
            cache.heights = dict.fromkeys(range(count), 1)
            cache.index_to_line = {index: index for index in range(count)}
        size = Size(self.scrollable_content_region.width, count)
        if size != self.virtual_size:
            self.virtual_size = size
            self._scroll_update(size)
