"""The first screen: presets to start, runs to join, finished runs to open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.content import Content

from tui_trainer.runs.catalog import RunInfo
from tui_trainer.session.catalog import Catalog, PresetInfo
from tui_trainer.text import number, visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.screens.finder import Finder, Group

if TYPE_CHECKING:
    from tui_trainer.session.base import Session

Item = PresetInfo | RunInfo


class Home(Finder[Item]):
    """Presets by their groups between what is running and what is finished."""

    WHAT = "type to find a preset or a run"

    def __init__(self, catalogue: Catalog, signs: Icons) -> None:
        super().__init__(signs)
        self._catalogue = catalogue
        self._presets: list[PresetInfo] | None = None

    def read(self) -> list[Group[Item]]:
        """Presets once, runs again and again."""
        presets = self._presets = self._presets if self._presets is not None else self._catalogue.presets()
        runs = self._catalogue.runs()
        groups: list[Group[Item]] = [
            (name or "Presets", [preset for preset in presets if preset.group == name])
            for name in dict.fromkeys(preset.group for preset in presets)
        ]
        running, finished = ([run for run in runs if run.live is live] for live in (True, False))
        return [("Running", running), *groups, ("Finished", finished)]

    def key(self, item: Item) -> str:
        """A preset's name or a run's folder."""
        return f"preset:{item.name}" if isinstance(item, PresetInfo) else f"run:{item.path}"

    def texts(self, item: Item) -> tuple[str, ...]:
        """Names first."""
        if isinstance(item, PresetInfo):
            return item.name, item.title, item.summary, item.group
        return item.name, item.preset, item.status, item.reason

    def line(self, item: Item) -> Content:
        """A name, and what one may want to know before opening it."""
        if isinstance(item, PresetInfo):
            return Content.assemble(f"  {visible(item.name):<24} ", (visible(item.title), "$muted"))
        best = f"  {number(float(item.best['value']))}" if item.best and "value" in item.best else ""
        return Content.assemble(
            "  ",
            (self.signs.state(item.status), STATE_STYLES.get(item.status, "$muted")),
            f" {visible(item.name):<32} ",
            (f"{visible(item.reason) or item.status} · epoch {item.epoch}{best}", "$muted"),
        )

    def about(self, item: Item) -> Content:
        """A preset's summary, or where a run stands."""
        return _about_preset(item) if isinstance(item, PresetInfo) else _about_run(item)

    def errand(self, item: Item) -> tuple[str, Callable[[], Session]]:
        """A preset is started, a run joined."""
        catalogue = self._catalogue
        if isinstance(item, PresetInfo):
            return item.name, lambda: catalogue.start(item.name)
        return item.name, lambda: catalogue.join(item)

    def action_look_again(self) -> None:
        """Read presets and runs anew."""
        self._presets = None
        super().action_look_again()


def _about_preset(item: PresetInfo) -> Content:
    lines = [Content.styled(visible(item.title or item.name), "bold"), Content(visible(item.summary))]
    if item.variants:
        lines += [Content(""), Content.styled("trains side by side", "$muted")]
        lines += [Content(f"  {visible(name)}") for name in item.variants]
    return Content("\n").join([*lines, Content(""), Content.styled("enter starts it", "$muted")])


def _about_run(item: RunInfo) -> Content:
    lines = [Content.styled(visible(item.name), "bold"), Content.styled(visible(item.path), "$muted"), Content("")]
    lines.append(Content(f"{item.status}{': ' + visible(item.reason) if item.reason else ''}"))
    lines.append(Content(f"epoch {item.epoch}, step {item.step:,}"))
    lines += [
        Content.assemble((f"{visible(name):<16}", "$muted"), number(value)) for name, value in item.metrics.items()
    ]
    if item.best is not None:
        lines.append(Content.assemble((f"{'best':<16}", "$muted"), _best(item)))
    deed = "joins it" if item.live else "opens it"
    return Content("\n").join([*lines, Content(""), Content.styled(f"enter {deed}", "$muted")])


def _best(item: RunInfo) -> str:
    best = item.best or {}
    value = best.get("value")
    shown = number(value) if isinstance(value, float) else str(value)
    return visible(f"{best.get('metric', '')} {shown} in epoch {best.get('epoch', '')}")
