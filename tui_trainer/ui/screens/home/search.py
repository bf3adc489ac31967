"""The search of the home screen: words, and filters that runs must match."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui_trainer.errors import UserError
from tui_trainer.runs.run_filter import RunFilter, check_keys, matches_terms, parse_filter, unhidden
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.screens.home.items import Item


class RunSearch:
    """A search that is being typed; while its last term is incomplete, the terms before it stay."""

    def __init__(self) -> None:
        self._filter, self._parsed = RunFilter(), ""
        """The filter, and what was typed when it was parsed."""

    def narrowed(
        self, typed: str, items: Sequence[Item], runs: Sequence[RunInfo], failed: Callable[[str], None]
    ) -> tuple[str, Sequence[Item]]:
        """Return the words to search for, and the items that all terms hold for; a preset has no values to compare.

        Args:
            typed: the search.
            items: items of one group.
            runs: all runs, which tell the keys that exist.
            failed: receives what is wrong with a term.
        """
        if self._parsed != typed:
            self._parse(typed, runs, failed)
        terms, words = self._filter.terms, " ".join(self._filter.words)
        if not terms:
            return words, [item for item in items if not (isinstance(item, RunInfo) and item.kept.hidden)]
        kept = unhidden(terms, [item for item in items if isinstance(item, RunInfo)])
        return words, [item for item in kept if matches_terms(terms, item)]

    def _parse(self, typed: str, runs: Sequence[RunInfo], failed: Callable[[str], None]) -> None:
        self._parsed = typed
        try:
            parsed = parse_filter(typed)
            if parsed.terms != self._filter.terms:
                check_keys(parsed.terms, runs)
        except UserError as error:
            self._filter = RunFilter(self._filter.terms)  # the key typed so far was a word
            failed(str(error))
        else:
            self._filter = parsed
