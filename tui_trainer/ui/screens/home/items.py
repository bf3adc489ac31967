"""The items of the home screen: presets with their past, runs, entries of the queue, and lessons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tui_trainer.queueing.entries import Entry
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import LessonInfo, PresetInfo
from tui_trainer.ui.keeping.kept_texts import kept_texts
from tui_trainer.ui.screens.finder import Group
from tui_trainer.ui.screens.home.past import Past

FIRST_PRESETS = ("digits-mlp", "spirals", "optimizer-race")
"""The presets to begin with: a network that learns, a picture that moves, and a set of runs."""
FIRST_START = (
    ("New here? Three keys are enough:", "bold $secondary"),
    ("  enter  trains the selected preset", ""),
    ("  space  pauses the training, and lets it go on", ""),
    ("  ?      shows all keys, on every screen", ""),
    ("  q      leaves; a training asks first whether it goes on", ""),
)
"""Lines above the list before anything was trained."""
LIVE, QUEUE, OVER = "Continue", "Queue", "Finished"
"""Titles of groups."""


@dataclass(frozen=True, slots=True)
class Start:
    """A preset, with what is known of its earlier trainings.

    Attributes:
        first: whether it is one of the presets to begin with.
    """

    preset: PresetInfo
    past: Past = field(default_factory=Past)
    first: bool = False


@dataclass(frozen=True, slots=True)
class QueueRow:
    """An entry of the queue.

    Attributes:
        working: whether a runner works on the queue.
    """

    entry: Entry
    working: bool = False

    @property
    def asks(self) -> bool:
        """Whether enter asks what becomes of it: it waits, or was cut off."""
        return self.entry.state == "waiting" or (self.entry.state == "training" and not self.working)


Item = Start | RunInfo | QueueRow | LessonInfo


def key_of(item: Item) -> str:
    """Return a unique id of an item."""
    match item:
        case Start():
            return f"preset:{item.preset.name}"
        case RunInfo():
            return f"run:{item.path}"
        case QueueRow():
            return f"queue:{item.entry.number}"
        case LessonInfo():
            return f"lesson:{item.name}"


def texts_of(item: Item) -> tuple[str, ...]:
    """Return the texts that an item is found by, names first."""
    match item:
        case Start(preset=preset):
            return preset.name, preset.title, preset.summary, preset.group
        case RunInfo():
            names = item.shown, item.name, item.preset, short_name(item.name)
            return *names, item.status, item.reason, *kept_texts(item)
        case QueueRow(entry=entry):
            return entry.preset, entry.name, entry.state, *entry.changes
        case LessonInfo():
            from tui_trainer.ui.screens.contents import lesson_texts

            return lesson_texts(item)


def groups_of(
    presets: Sequence[PresetInfo], past: dict[str, Past], runs: Sequence[RunInfo], queue: Sequence[QueueRow]
) -> list[Group[Item]]:
    """Return everything by group; the runs of a set stand together, in the place of the first of them."""
    sets: dict[str, list[RunInfo]] = {}
    for run in runs:
        sets.setdefault(run.group or run.path, []).append(run)
    together = [run for members in sets.values() for run in members]
    live, over = ([run for run in together if run.live is state] for state in (True, False))
    return [(LIVE, live), *start_groups(presets, past), (QUEUE, queue), (OVER, over)]


def of_tab(tab: str, groups: Sequence[Group[Item]], *, searching: bool) -> list[Group[Item]]:
    """Return the groups of the first two tabs; a search in the first one finds runs too."""
    if tab == "runs":
        names = {LIVE: "Running", QUEUE: QUEUE, OVER: OVER}
        chosen = {title: group for title, group in groups if title in names}
        return [(names[title], chosen[title]) for title in (LIVE, QUEUE, OVER)]
    hidden = (QUEUE,) if searching else (QUEUE, OVER)
    return [(title, group) for title, group in groups if title not in hidden]


def start_groups(presets: Sequence[PresetInfo], past: dict[str, Past]) -> list[Group[Item]]:
    """Return the presets to begin with, and all others by topic."""
    items = {each.name: Start(each, past.get(each.name, Past()), each.name in FIRST_PRESETS) for each in presets}
    first = [items[name] for name in FIRST_PRESETS if name in items]
    title = f"Start with {('this one', 'these two', 'these three')[len(first) - 1]}" if first else ""
    groups: list[Group[Item]] = [(title, first)] if first else []
    for group in dict.fromkeys(preset.group for preset in presets):
        others = [item for item in items.values() if item.preset.group == group and not item.first]
        groups.append((group or "Presets", others))
    return groups
