"""The table of all actions of the dashboard and their key bindings.

Bindings, footer, help, command palette, the user's keymap and the key table of the docs all read it. A new action is
one row here and one entry in `handlers()` of an action class, or of `Dashboard`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Group = Literal["steer", "look", "go"]
Need = Literal[
    "run", "steer", "training", "best", "several", "marks", "layers", "leavable", "gone", "lesson", "lecture",
    "rerun", "turnable", "bars", "over",
]  # fmt: skip

GROUPS: dict[Group, str] = {"steer": "Steer the training", "look": "Change the view", "go": "Navigate"}


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        id: the name in a user's keymap.
        keys: Textual's names of the keys; the first one is shown.
        label: one or two words, for the footer.
        help: one sentence.
        group: the section of the help page.
        needs: the conditions under which it is available; the screen gives the reason where one is not met.
        rank: position in the footer, the smallest first; 0 keeps it out.
        prime: the status of a run to which the footer hint is limited; empty for every status.
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
    _steer("pause", "space", "pause", "Pause after the current batch, or resume.", 1, "training"),
    _steer(
        "step", "full_stop", "one step", "Train one batch, then wait; pauses a running training first.", 2, "training",
        prime="paused",
    ),
    _steer("schedule", "s", "schedule", "Choose another schedule, with a preview of the learning rate.", 3, "training"),
    _steer("rate", "l", "rate", "Set the learning rate.", 4, "training"),
    _steer("double_rate", "plus equals_sign", "rate x2", "Double the learning rate.", 12, "training"),
    _steer("halve_rate", "minus", "rate ÷2", "Halve the learning rate.", 13, "training"),
    _steer("drop_rate", "k", "rate ÷10", "Divide the learning rate by 10.", 14, "training"),
    _steer("optimizer", "o", "optimizer", "Choose another optimizer; its state starts empty.", 8, "training"),
    _steer("clip", "g", "clip", "Set or switch off gradient norm clipping.", 16, "training"),
    _steer("stop_early", "e", "stop early", "Finish the epoch, restore the best weights, and stop.", 7),
    _steer("stop", "x", "stop now", "Stop after the current batch: validate, save, finish.", 17),
    _steer("patience", "p", "patience", "Set the patience and minimum improvement of early stopping.", 18, "training"),
    _steer("epochs", "E", "epochs", "Change the number of epochs.", 19, "training"),
    _steer("checkpoint", "c", "save", "Save a checkpoint.", 9, "training"),
    _steer("roll_back", "b", "roll back", "Restore the best weights and continue from them.", 15, "training", "best"),
    _steer("undo", "u", "undo", "Undo the last intervention and continue from just before it.", 0, "training"),
    _steer(
        "validate", "v", "validate", "Validate now; the result is drawn, but early stopping ignores it.", 20,
        "training",
    ),
    _steer("note", "n", "note", "Write a note on the charts.", 21, "training"),
    _steer("steer_all", "asterisk", "steer all", "Steer all runs of the set, or only the selected one.", 28, "several"),
    _look("chart_1", "1", "loss", "Make the loss chart the large one, then let it fill the screen, then show all."),
    _look("chart_2", "2", "learning rate", "Make the learning rate chart the large one."),
    _look("chart_3", "3", "gradients", "Make the gradient norm chart the large one."),
    _look("chart_4", "4", "metric", "Make the metric chart the large one."),
    _look("chart_5", "5", "speed", "Make the throughput chart the large one."),
    _look("chart_6", "6", "layers", "Make the chart of the layers the large one."),
    _look("picture_1", "7", "picture", "Make the first picture the large one, then let it fill the screen."),
    _look("picture_2", "8", "picture", "Make the second picture the large one."),
    _look("picture_3", "9", "picture", "Make the third picture the large one."),
    _look("pictures", "0", "pictures", "Make each picture in turn the large one, then show all charts."),
    _look("next_run", "tab", "next run", "Select the next run of the set.", 5, "several"),
    _look("runs", "r", "runs", "List the runs of the set with their curves; again: a table of settings.", 6, "several"),
    _look("axis", "a", "axis", "Show steps, epochs, samples, time or gradient evaluations on the x axis.", 22),
    _look("log_y", "L", "log", "Logarithmic or linear y axis of the maximized chart, else of the loss.", 23),
    _look("log_x", "X", "log x", "Logarithmic or linear x axis of all charts."),
    _look("outliers", "P", "outliers", "Let rare outliers lie outside the charts, marked at the edge, or show all."),
    _look("median", "M", "median", "Smooth with the moving median, which ignores single spikes, or with the mean."),
    _look("smoothing", "m", "smooth", "Smooth the training curves more, then not at all.", 24),
    _look("zoom", "z", "zoom", "Zoom in on the cursor or the newest steps, or show the full run again.", 25),
    _look("zoom_in", "up", "zoom in", "Zoom in."),
    _look("zoom_out", "down", "zoom out", "Zoom out."),
    _look("cursor_left", "left", "cursor", "Move the cursor that reads off values to the left.", 0, "run"),
    _look("cursor_right", "right", "cursor", "Move the cursor to the right.", 0, "run"),
    _look("pan_left", "shift+left", "pan", "Show earlier steps."),
    _look("pan_right", "shift+right", "pan", "Show later steps."),
    _look(
        "previous_mark", "left_square_bracket", "intervention",
        "Go to the previous intervention and its effect; in the lecture, then to the previous lesson.", 0, "marks",
    ),
    _look(
        "next_mark", "right_square_bracket", "intervention",
        "Go to the next intervention and its effect; in the lecture, then to the next lesson.", 0, "marks",
    ),
    _look("earlier_remark", "left_parenthesis", "remark", "Show the previous remark of the lesson.", 0, "lesson"),
    _look(
        "later_remark", "right_parenthesis", "remark", "Show the next remark of the lesson, even before its turn.",
        0, "lesson",
    ),
    _look("lesson", "W", "lesson", "Show the full text of the lesson: claim, truth, formula, remarks.", 27, "lesson"),
    _look(
        "over_time", "h", "over time", "Draw bar pictures (layers, ...) over time, one group after the other.",
        0, "bars",
    ),
    _look("layers", "w", "layers", "List the layers: gradient norm, update size, dead units.", 26, "layers"),
    _look("diagnosis", "i", "diagnosis", "List likely problems, evidence, and the keys that fix them.", 27, "run"),
    _look(
        "compare", "C", "compare", "Compare a finished run with the last ones of its preset.", 0, "over",
    ),
    _look("theme", "t", "theme", "Choose the colours, with a live preview.", 31),
    _look("settings", "comma", "settings", "Show the settings of the screen, and change them."),
    _look("mute_finding", "M", "mute", "Mute the shown finding, or show the muted ones again.", 0, "run"),
    _look("log_all", "f", "full log", "Show epochs and saves in the log too, in more lines, or hide them again."),
    _look("log_up", "pageup", "log", "Scroll the open page or the log up."),
    _look("log_down", "pagedown", "log", "Scroll the open page or the log down."),
    _go("detach", "d", "detach", "Leave the screen; the training continues.", 10, "leavable"),
    _go("resume_run", "R", "resume", "Resume a run whose host is gone, or train a finished one longer.", 0, "gone"),
    _go(
        "turn", "T", "turn",
        "Turn the problem by 15 degrees and train again; runs that train are stopped and saved.", 7,
        "training", "rerun", "turnable",
    ),
    _go(
        "anew", "N", "train again",
        "Train again from the start with other settings; runs that train are stopped and saved.", 0,
        "training", "rerun",
    ),
    _go("palette", "colon", "find", "Find an action by its name and perform it.", 11),
    _go("help", "question_mark", "help", "Show all keys.", 6),
    _go(
        "next_lesson", "greater_than_sign", "next lesson",
        "Go to the next lesson; runs that train are stopped and saved.", 3, "lecture",
    ),
    _go(
        "previous_lesson", "less_than_sign", "prev lesson",
        "Go to the previous lesson; runs that train are stopped and saved.", 0, "lecture",
    ),
    _go("play", "enter", "autoplay", "Play the lecture from here on; any key stops it.", 9, "lecture"),
    _go("redraw", "ctrl+l", "redraw", "Redraw the screen."),
    _go("back", "escape", "back", "Go back: close, restore the charts, remove the cursor."),
    _go("quit", "q", "quit", "Leave; asks whether to stop a training or let it continue.", 5),
)  # fmt: skip
"""Every action, in the order of the help page."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}

Keymap = Mapping[str, str]
"""A user's keys by action id: separated by commas, as Textual's names or as the characters themselves."""

_SYMBOLS = {
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "asterisk": "*",
    "colon": ":",
    "comma": ",",
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
_NAMES = {symbol: name for name, symbol in _SYMBOLS.items()}


def key_name(key: str) -> str:
    """Return Textual's name of a key that a user wrote: question_mark for "?"."""
    key = key.strip()
    return _NAMES.get(key, "space" if key == "" else key)


def key_sign(key: str) -> str:
    """Return a key as users read it: "?" for question_mark, "shift+←" for shift+left."""
    *modifiers, last = key.split("+") if key != "+" else ["plus"]
    return "+".join([*(modifier.replace("ctrl", "^") for modifier in modifiers), _SYMBOLS.get(last, last)]).replace(
        "^+", "^"
    )


def keys_of(action: Action, keymap: Keymap) -> tuple[str, ...]:
    """Return the keys of an action: the user's, or else those of the table."""
    own = keymap.get(action.id)
    return action.keys if own is None else tuple(key_name(key) for key in own.split(",") if key.strip())


def shown_key(action: Action, keymap: Keymap) -> str:
    """Return the first key of an action, as users read it; empty where it has none."""
    keys = keys_of(action, keymap)
    return key_sign(keys[0]) if keys else ""


def key_table() -> str:
    """Return all actions and their keys as one Markdown table per group."""
    lines: list[str] = []
    for group, title in GROUPS.items():
        lines += [f"**{title}**", "", "| key | id | effect |", "|---|---|---|"]
        for action in ACTIONS:
            if action.group == group:
                keys = " ".join(f"`{key_sign(key)}`" for key in action.keys)
                lines.append(f"| {keys} | `{action.id}` | {action.help} |")
        lines.append("")
    return "\n".join(lines)
