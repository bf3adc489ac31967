"""Lines about a preset: model, data, coming rate and last result, read in a thread once its line has been selected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.screens.home.items import Start

if TYPE_CHECKING:
    from tui_trainer.ui.cards.start_card import StartFacts

BEGIN = 0.6
"""Seconds after the start of the screen: until then the configuration models would be imported before the list."""
REST = 0.15
"""Seconds for which a preset has been selected before it is read: keys that are held down read nothing."""


def preset_facts(name: str, newest: RunInfo | None) -> StartFacts:
    """Read what the runs of a preset have in common, and the curve of the newest run. Reads the disk."""
    from tui_trainer.config.preset import load
    from tui_trainer.ui.cards.recent_runs import with_curve
    from tui_trainer.ui.cards.start_card import StartFacts, coming_rates, deciding_metric_of

    configs = list(load(name).runs.values())
    first = configs[0]
    last = with_curve(newest) if newest is not None else None

    def common(labels: Sequence[str]) -> str:
        return labels[0] if len(set(labels)) == 1 else ""

    lengths = {(config.optimizer.lr, config.training.epochs) for config in configs}
    schedule = common([config.scheduler.label() for config in configs]) if len(lengths) == 1 else ""
    return StartFacts(
        model=common([config.model.label() for config in configs]),
        data=common([config.data.label() for config in configs]),
        optimizer=common([config.optimizer.label() for config in configs]),
        schedule=schedule,
        epochs=first.training.epochs,
        lr=first.optimizer.lr,
        rates=coming_rates(first) if schedule else (),
        metric=deciding_metric_of(last),
        last=last,
    )


class PresetPreview:
    """The lines of one preset after another."""

    def __init__(self) -> None:
        self._known: dict[Start, StartFacts] = {}
        self._wanted: Start | None = None
        self._newest: RunInfo | None = None
        self._due = 0.0
        self._call: BackgroundCall[StartFacts] | None = None
        self._called: Start | None = None

    def want(self, item: Start, runs: Sequence[RunInfo], now: float) -> None:
        """Read this preset soon, where it is not known; `runs` has the newest run first."""
        if item == self._wanted:
            return
        name = item.preset.name
        self._newest = next(
            (run for run in runs if run.preset == name and run.status == "finished" and not run.group), None
        )
        self._wanted, self._due = item, max(self._due, now + REST)

    def begin(self, now: float) -> None:
        """Read nothing until the screen has been drawn."""
        self._due = now + BEGIN

    def tick(self, now: float) -> bool:
        """Begin to read, or take what was read. Returns whether the lines of the wanted preset have arrived."""
        if self._call is not None and self._call.done and self._called is not None:
            from tui_trainer.ui.cards.start_card import StartFacts

            try:
                facts = self._call.result()
            except Exception:  # noqa: BLE001 - the preview is a courtesy: a start says itself what is wrong
                facts = StartFacts()
            self._known = {key: value for key, value in self._known.items() if key.preset != self._called.preset}
            self._known[self._called] = facts
            self._call = None
            return self._called == self._wanted
        wanted = self._wanted
        if self._call is None and wanted is not None and now >= self._due and wanted not in self._known:
            name, newest = wanted.preset.name, self._newest
            self._called = wanted
            self._call = BackgroundCall(lambda: preset_facts(name, newest))
        return False

    def lines(self, item: Start, width: int, icons: Icons) -> list[Content]:
        """Return the lines of a preset, none before it has been read."""
        facts = self._known.get(item)
        if facts is None:
            return []
        from tui_trainer.ui.cards.start_card import start_lines

        return start_lines(facts, width, icons)
