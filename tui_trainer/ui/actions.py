"""The table of all actions of the dashboard and their key bindings.

Bindings, footer, help, command palette, the user's keymap and the README's key table all read it. A new action is one
row here and one entry among the doings of `TrainingActions` or `Dashboard`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Group = Literal["steer", "look", "go"]
Need = Literal[
    "run", "steer", "training", "best", "several", "marks", "layers", "leavable", "gone", "lesson", "lecture",
    "anew", "turnable", "bars",
]  # fmt: skip

GROUPS: dict[Group, str] = {"steer": "Steer the training", "look": "Look at it", "go": "Find your way"}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Attributes:
        id: how a user's keymap and the palette name it.
        keys: Textual's names of the keys, the one to show first.
        label: one or two words, for the footer.
        help: one sentence.
        group: where help lists it.
        needs: what must be so for it to make sense; where it is not, the screen says why.
        rank: place in the footer, the smallest first; 0 keeps it out.
        prime: the state of a run in which it comes first in the footer, and without which it does not stand there.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    needs: tuple[Need, ...] = ()
    rank: int = 0
    prime: str = ""


def _steer(name: str, keys: str, label: str, text: str, rank: int, *more: Need, prime: str = "") -> Action:
    return Action(name, tuple(keys.split()), label, text, "steer", ("steer", *more), rank, prime)


def _look(name: str, keys: str, label: str, text: str, rank: int = 0, *needs: Need) -> Action:
    return Action(name, tuple(keys.split()), label, text, "look", needs, rank)


def _go(name: str, keys: str, label: str, text: str, rank: int = 0, *needs: Need) -> Action:
    return Action(name, tuple(keys.split()), label, text, "go", needs, rank)


ACTIONS: tuple[Action, ...] = (
    _steer("pause", "space", "pause", "Pause after the batch in hand, or go on.", 1, "training"),
    _steer(
        "step", "full_stop", "one step", "Train one batch and wait; a running training is paused first.", 2, "training",
        prime="paused",
    ),
    _steer("schedule", "s", "schedule", "Choose another schedule; the coming rate is drawn before.", 3, "training"),
    _steer("rate", "l", "rate", "Set the learning rate.", 4, "training"),
    _steer("double_rate", "plus equals_sign", "rate x2", "Double the learning rate.", 12, "training"),
    _steer("halve_rate", "minus", "rate ÷2", "Halve the learning rate.", 13, "training"),
    _steer("drop_rate", "k", "rate ÷10", "Staircase: a tenth of the rate, now.", 14, "training"),
    _steer("optimizer", "o", "optimizer", "Choose another optimizer; its state starts empty.", 8, "training"),
    _steer("clip", "g", "clip", "Clip the gradient norm, or stop clipping.", 16, "training"),
    _steer("stop_early", "e", "stop early", "Finish the epoch, then stop and keep the best weights.", 7),
    _steer("stop", "x", "stop now", "Stop after this batch: validate, save, finish.", 17),
    _steer("patience", "p", "patience", "Set patience and minimum improvement of early stopping.", 18, "training"),
    _steer("epochs", "E", "epochs", "Make the run longer or shorter.", 19, "training"),
    _steer("checkpoint", "c", "save", "Save a checkpoint.", 9, "training"),
    _steer("roll_back", "b", "roll back", "Put the best weights back and go on from them.", 15, "training", "best"),
    _steer("undo", "u", "undo", "Take back the last intervention: on from just before it, without it.", 0, "training"),
    _steer("validate", "v", "validate", "Validate now; it is drawn, but decides nothing.", 20, "training"),
    _steer("note", "n", "note", "Write a note on the charts.", 21, "training"),
    _steer("steer_all", "asterisk", "steer all", "Steer all runs of the set, or the chosen one again.", 28, "several"),
    _look("chart_1", "1", "loss", "The loss chart on the whole screen, again to go back."),
    _look("chart_2", "2", "learning rate", "The learning-rate chart on the whole screen."),
    _look("chart_3", "3", "gradients", "The gradient-norm chart on the whole screen."),
    _look("chart_4", "4", "metric", "The metric chart on the whole screen."),
    _look("chart_5", "5", "speed", "The speed chart on the whole screen."),
    _look("chart_6", "6", "layers", "The chart of the layers on the whole screen."),
    _look("picture_1", "7", "picture", "The first picture on the whole screen, again to go back."),
    _look("picture_2", "8", "picture", "The second picture on the whole screen."),
    _look("picture_3", "9", "picture", "The third picture on the whole screen."),
    _look("pictures", "0", "pictures", "Every picture in turn on the whole screen, then all charts again."),
    _look("next_run", "tab", "next run", "The next run of the set.", 5, "several"),
    _look("runs", "r", "runs", "The runs of the set side by side: choose one, see in what they differ.", 6, "several"),
    _look("axis", "a", "axis", "Count the x axis in steps, epochs, samples, time or gradient evaluations.", 22),
    _look("log_y", "y", "log", "Logarithmic y axes, or linear again.", 23),
    _look("smoothing", "m", "smooth", "Smooth the training curves more, up to none.", 24),
    _look("zoom", "z", "zoom", "Zoom in on the cursor or the newest steps; again for the whole run.", 25),
    _look("zoom_in", "up", "closer", "Zoom in."),
    _look("zoom_out", "down", "farther", "Zoom out."),
    _look("cursor_left", "left", "cursor", "Move the cursor that reads values off to the left.", 0, "run"),
    _look("cursor_right", "right", "cursor", "Move the cursor to the right.", 0, "run"),
    _look("pan_left", "shift+left", "pan", "Look at earlier steps."),
    _look("pan_right", "shift+right", "pan", "Look at later steps."),
    _look(
        "previous_mark", "left_square_bracket", "change",
        "The intervention before, and what it did; in the lecture, before the first, the lesson before.", 0, "marks",
    ),
    _look(
        "next_mark", "right_square_bracket", "change",
        "The intervention after, and what it did; in the lecture, after the last one, the next lesson.", 0, "marks",
    ),
    _look("earlier_remark", "left_parenthesis", "remark", "The remark before, of a lesson.", 0, "lesson"),
    _look(
        "later_remark", "right_parenthesis", "remark",
        "The remark after, of a lesson; one that waits its turn comes at once.", 0, "lesson",
    ),
    _look("lesson", "t", "told", "All that is told of a lesson: the lecture, what is true, the formula.", 27, "lesson"),
    _look(
        "over_time", "h", "over time", "Pictures of bars (layers, ...) over time, a group at a time; then as they are.",
        0, "bars",
    ),
    _look("layers", "w", "layers", "Every layer: gradient norm, size of its update, silent units.", 26, "layers"),
    _look("diagnosis", "i", "diagnosis", "What the curves show: findings, evidence, the keys that act.", 27, "run"),
    _look("log_up", "pageup", "log", "Scroll the log back."),
    _look("log_down", "pagedown", "log", "Scroll the log on."),
    _go("detach", "d", "detach", "Leave the screen; the training goes on.", 10, "leavable"),
    _go("resume_run", "R", "resume", "A run whose host is gone: go on from its last checkpoint.", 0, "gone"),
    _go(
        "turn", "T", "turn",
        "Turn the problem by 15 degrees, three times for 45, and train from the start; what trains is stopped.", 7,
        "training", "anew", "turnable",
    ),
    _go(
        "anew", "N", "anew",
        "Train all this from the start with other settings, as new runs; what trains here is stopped.", 0,
        "training", "anew",
    ),
    _go("palette", "colon", "find", "Find and do any of these by its name.", 11),
    _go("help", "question_mark", "help", "These keys.", 6),
    _go(
        "next_lesson", "greater_than_sign", "next lesson",
        "The next lesson of the lecture; what trains here is stopped and saved.", 3, "lecture",
    ),
    _go(
        "previous_lesson", "less_than_sign", "lesson before",
        "The lesson before; what trains here is stopped and saved.", 0, "lecture",
    ),
    _go("play", "enter", "play", "Let the lecture play by itself from here; any key takes over.", 9, "lecture"),
    _go("redraw", "ctrl+l", "redraw", "Draw the whole screen again."),
    _go("back", "escape", "back", "Back: close, unzoom, put the cursor away."),
    _go("quit", "q", "quit", "Leave: asks whether to stop the training or to let it go on.", 5),
)  # fmt: skip
"""Every action, in the order in which help shows them."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}

Keymap = Mapping[str, str]
"""Keys by action id, as a user writes them: comma between two, Textual's names or the characters themselves."""

_SIGNS = {
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "asterisk": "*",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "slash": "/",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
_NAMES = {sign: name for name, sign in _SIGNS.items()}


def key_name(key: str) -> str:
    """Textual's name of a key that a person wrote: "?" is question_mark."""
    key = key.strip()
    return _NAMES.get(key, "space" if key == "" else key)


def key_sign(key: str) -> str:
    """A key as a person reads it: question_mark is "?", shift+left is "shift+←"."""
    *modifiers, last = key.split("+") if key != "+" else ["plus"]
    return "+".join([*(modifier.replace("ctrl", "^") for modifier in modifiers), _SIGNS.get(last, last)]).replace(
        "^+", "^"
    )


def keys_of(action: Action, keymap: Keymap) -> tuple[str, ...]:
    """The keys that do it, the user's in place of the table's."""
    mine = keymap.get(action.id)
    return action.keys if mine is None else tuple(key_name(key) for key in mine.split(",") if key.strip())


def shown_key(action: Action, keymap: Keymap) -> str:
    """The first key that does it, as a person reads it; empty where none does."""
    keys = keys_of(action, keymap)
    return key_sign(keys[0]) if keys else ""


def key_table() -> str:
    """All actions and their keys as one Markdown table per group."""
    lines: list[str] = []
    for group, title in GROUPS.items():
        lines += [f"**{title}**", "", "| key | id | does |", "|---|---|---|"]
        for action in ACTIONS:
            if action.group == group:
                keys = " ".join(f"`{key_sign(key)}`" for key in action.keys)
                lines.append(f"| {keys} | `{action.id}` | {action.help} |")
        lines.append("")
    return "\n".join(lines)
