"""The home screen: presets to start, live runs to join, finished runs to open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.label import label, short_name
from tui_trainer.runs.run_filter import RunFilter, check_keys, config_of, matches_terms, parse_filter, unhidden
from tui_trainer.session.catalog import Catalog, PresetInfo, Reloadable, Watchful
from tui_trainer.text import number, padded, visible
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.keeping.kept_texts import kept_lines, kept_texts, tags_text
from tui_trainer.ui.screens.finder import Finder, Group

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.copying.texts import Copyable

Item = PresetInfo | RunInfo


class Home(Finder[Item]):
    """Running runs, presets by group, finished runs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("K", "keep", show=False)]
    KEEPS = True
    KEYS = "enter open · j k ↑↓ choose · / search · K keep · : commands · ? help · q leave"
    PLACEHOLDER = "/ to search presets and runs, or filter: lr>=0.001 model=mlp age<2d"

    def __init__(self, catalogue: Catalog, icons: Icons) -> None:
        super().__init__(icons)
        self._catalogue = catalogue
        self._presets: list[PresetInfo] | None = None
        self._day = date.today()
        self._last_read: tuple[list[PresetInfo], list[RunInfo], list[Group[Item]]] | None = None
        """Presets and runs as they were read last, and the groups made of them."""
        self._configured: list[RunInfo] | None = None
        """The runs of which the configurations have been read, for filters."""
        self._filter, self._parsed = RunFilter(), ""
        """The filter, and what was typed when it was parsed."""

    def read(self) -> list[Group[Item]]:
        """Read the runs, and the presets the first time."""
        presets = self._presets = self._presets if self._presets is not None else self._catalogue.presets()
        runs = self._catalogue.runs()
        if self._last_read is not None and self._configured is not runs:  # the first list does not wait for this
            for run in runs:
                config_of(run)
            self._configured = runs
        if self._last_read is not None and self._last_read[0] is presets and self._last_read[1] is runs:
            return self._last_read[2]
        groups: list[Group[Item]] = [
            (name or "Presets", [preset for preset in presets if preset.group == name])
            for name in dict.fromkeys(preset.group for preset in presets)
        ]
        running, finished = ([run for run in runs if run.live is live] for live in (True, False))
        self._last_read = presets, runs, [("Running", running), *groups, ("Finished", finished)]
        return self._last_read[2]

    def tick(self, now: float) -> None:
        """Write the days of the runs again after midnight."""
        super().tick(now)
        if self._day != date.today():
            self._day = date.today()
            self.query_one(LongList).make_again()

    def key(self, item: Item) -> str:
        """Return the name of a preset or the directory of a run."""
        return f"preset:{item.name}" if isinstance(item, PresetInfo) else f"run:{item.path}"

    def texts(self, item: Item) -> tuple[str, ...]:
        """Return the names first."""
        if isinstance(item, PresetInfo):
            return item.name, item.title, item.summary, item.group
        return item.name, item.preset, short_name(item.name), item.status, item.reason, *kept_texts(item)

    def line(self, item: Item) -> Content:
        """Return the name with the title of a preset, or the state of a run."""
        if isinstance(item, PresetInfo):
            return Content.assemble(f"  {padded(visible(item.name), 24)} ", (visible(item.title), "$muted"))
        best = ""
        if item.best and "value" in item.best:
            metric = visible(str(item.best.get("metric", ""))).replace("_", " ")
            best = f" · best {metric} {number(float(item.best['value']))}"
        state = "starting" if item.starting else visible(item.reason) or item.status
        return Content.assemble(
            "  ",
            (self.icons.state(item.status), STATE_STYLES.get(item.status, "$muted")),
            f" {padded(visible(label(item.shown, item.started)), 32)} ",
            (tags_text(item), "$secondary"),
            (f"{state} · epoch {item.epoch}{best}", "$muted"),
        )

    def about(self, item: Item) -> Content:
        """Return the summary of a preset, or the progress of a run."""
        return _about_preset(item) if isinstance(item, PresetInfo) else _about_run(item)

    def copies(self, item: Item) -> list[Copyable]:
        """Return the name, the path and the command of a preset or a run."""
        from tui_trainer.ui.copying.texts import preset_copies, run_info_copies

        return preset_copies(item.name) if isinstance(item, PresetInfo) else run_info_copies(item)

    def _parse(self) -> None:
        """Parse what was typed as a filter; while it is incomplete, the terms before stay."""
        self._parsed = self.typed
        try:
            parsed = parse_filter(self.typed)
            if parsed.terms != self._filter.terms:
                check_keys(parsed.terms, [item for item in self.items if isinstance(item, RunInfo)])
        except UserError as error:
            self._filter = RunFilter(self._filter.terms)  # the key typed so far was a word
            self.show_error(str(error))
        else:
            self._filter = parsed

    def narrowed(self, items: Sequence[Item]) -> tuple[str, Sequence[Item]]:
        """Keep the runs for which all terms of the filter hold; a preset has no values to compare."""
        if self._parsed != self.typed:
            self._parse()
        terms = self._filter.terms
        if not terms:
            shown = [item for item in items if not (isinstance(item, RunInfo) and item.kept.hidden)]
            return " ".join(self._filter.words), shown
        runs = unhidden(terms, [item for item in items if isinstance(item, RunInfo)])
        kept = [item for item in runs if matches_terms(terms, item)]
        return " ".join(self._filter.words), kept

    def opener(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """Return the function that starts a preset or joins a run."""
        catalogue = self._catalogue
        if isinstance(item, PresetInfo):
            return item.name, lambda: catalogue.start(item.name)
        return item.name, lambda: catalogue.join(item)

    def action_keep(self) -> None:
        """Ask what to do with the selected run."""
        from tui_trainer.ui.keeping.keep_listed import keep_listed

        item = self.selected
        if isinstance(item, RunInfo):
            runs = [each for each in self.items if isinstance(each, RunInfo)]
            keep_listed(self, item, runs, self.say, self._look_again)

    def _look_again(self) -> None:
        """Read the runs again soon, those too that are over."""
        if isinstance(self._catalogue, Watchful):
            self._catalogue.look_again()
        self.read_soon()

    def action_reload(self) -> None:
        """Read presets and runs again."""
        self._presets = None
        if isinstance(self._catalogue, Reloadable):
            self._catalogue.forget()
        super().action_reload()


def _about_preset(item: PresetInfo) -> Content:
    lines = [Content.styled(visible(item.title or item.name), "bold"), Content(visible(item.summary))]
    if item.variants:
        lines += [Content(""), Content.styled("runs side by side", "$muted")]
        lines += [Content(f"  {visible(name)}") for name in item.variants]
    return Content("\n").join([*lines, Content(""), Content.styled("press enter to start", "$muted")])


def _about_run(item: RunInfo) -> Content:
    lines = [Content.styled(visible(item.name), "bold"), Content.styled(visible(item.path), "$muted"), Content("")]
    lines.append(Content(f"{item.status}{': ' + visible(item.reason) if item.reason else ''}"))
    lines.append(Content(f"epoch {item.epoch}, step {item.step:,}"))
    lines += kept_lines(item)
    lines += [
        Content.assemble((padded(visible(name), 16), "$muted"), number(value)) for name, value in item.metrics.items()
    ]
    if item.best is not None:
        lines.append(Content.assemble((f"{'best':<16}", "$muted"), _best(item)))
    effect = "join" if item.live else "open"
    return Content("\n").join([*lines, Content(""), Content.styled(f"press enter to {effect}", "$muted")])


def _best(item: RunInfo) -> str:
    best = item.best or {}
    value = best.get("value")
    shown = number(value) if isinstance(value, float) else str(value)
    return visible(f"{best.get('metric', '')} {shown} in epoch {best.get('epoch', '')}")
