"""The table of all actions of the dashboard and their key bindings.

Bindings, footer, help, command palette, the user's keymap and the key table of the docs all read it. A new action is
one row here and one entry in `handlers()` of an action class, or of `Dashboard`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tui_trainer.ui.preferences.classic_keys import CLASSIC_KEYS
from tui_trainer.ui.terminal.key_names import key_name, key_sign

Group = Literal["look", "steer", "panel", "way"]
Need = Literal[
    "run", "steer", "training", "best", "several", "marks", "layers", "leavable", "gone", "lesson", "lecture",
    "rerun", "tries", "sliders", "turnable", "bars", "log", "comparable", "charts", "drill", "wheel",
]  # fmt: skip

GROUPS: dict[Group, str] = {
    "look": "Look: never changes a run",
    "steer": "Steer with one key",
    "panel": "Steer by the panel",
    "way": "Leave, resume and move on",
}
SECTIONS: dict[str, str] = {
    "move": "Move on the charts",
    "show": "Enlarge a chart or picture",
    "draw": "Draw the charts differently",
    "read": "Read what happened",
    "find": "Find and set up",
}
"""The parts of the group `look`, on the help page."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        id: the name in a user's keymap.
        keys: Textual's names of the keys; the first one is shown. An action of the panel has none.
        label: one or two words, for the footer.
        help: one sentence.
        group: the section of the help page.
        needs: the conditions under which it is available; the screen gives the reason where one is not met.
        rank: position in the footer, the smallest first; 0 keeps it out.
        prime: the status of a run to which the footer hint is limited; empty for every status.
        letter: the key that chooses it in the steer panel; empty where the panel does not have it.
        section: the part of a group, for the help page.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: Group
    needs: tuple[Need, ...] = ()
    rank: int = 0
    prime: str = ""
    letter: str = ""
    section: str = ""


def _steer(name: str, keys: str, label: str, text: str, rank: int, *more: Need, prime: str = "") -> Action:
    letter = key_sign(keys.split()[0])
    return Action(name, tuple(keys.split()), label, text, "steer", ("steer", *more), rank, prime, letter)


def _panel(name: str, letter: str, label: str, text: str, *needs: Need) -> Action:
    return Action(name, (), label, text, "panel", needs, letter=letter)


def _look(name: str, keys: str, label: str, text: str, section: str, rank: int = 0, *needs: Need) -> Action:
    return Action(name, tuple(keys.split()), label, text, "look", needs, rank, section=section)


def _way(name: str, keys: str, label: str, text: str, rank: int = 0, *needs: Need) -> Action:
    return Action(name, tuple(keys.split()), label, text, "way", needs, rank)


ACTIONS: tuple[Action, ...] = (
    _look("cursor_left", "left h", "cursor", "Move the cursor that reads off values to the left.", "move", 0, "run"),
    _look("cursor_right", "right l", "cursor", "Move the cursor to the right.", "move", 0, "run"),
    _look("first_step", "g home", "first step", "Move the cursor to the first step (gg works too).", "move", 0, "run"),
    _look("last_step", "G end", "last step", "Move the cursor to the newest step.", "move", 0, "run"),
    _look("zoom_in", "up k", "zoom in", "Zoom in.", "move"),
    _look("zoom_out", "down j", "zoom out", "Zoom out.", "move"),
    _look(
        "zoom", "z", "zoom", "Zoom in on the cursor or the newest steps, or show the full run again.", "move", 25,
    ),
    _look("pan_left", "shift+left", "pan", "Show earlier steps.", "move"),
    _look("pan_right", "shift+right", "pan", "Show later steps.", "move"),
    _look("chart_1", "1", "loss", "Make the loss chart the large one, then the only one, then show all.", "show"),
    _look("chart_2", "2", "learning rate", "Make the learning rate chart the large one.", "show"),
    _look("chart_3", "3", "gradients", "Make the gradient norm chart the large one.", "show"),
    _look("chart_4", "4", "metric", "Make the metric chart the large one.", "show"),
    _look("chart_5", "5", "speed", "Make the throughput chart the large one.", "show"),
    _look("chart_6", "6", "layers", "Make the chart of the layers the large one.", "show"),
    _look("picture_1", "7", "picture", "Make the first picture the large one, then let it fill the screen.", "show"),
    _look("picture_2", "8", "picture", "Make the second picture the large one.", "show"),
    _look("picture_3", "9", "picture", "Make the third picture the large one.", "show"),
    _look("pictures", "0", "pictures", "Make each picture in turn the large one, then show all charts.", "show"),
    _look(
        "next_charts", "right_curly_bracket", "more charts",
        "Show the next page of charts: all else that the run logs.", "show", 28, "charts",
    ),
    _look("previous_charts", "left_curly_bracket", "charts", "Show the previous page of charts.", "show", 0, "charts"),
    _look("chart_grid", "number_sign", "grid", "Show fewer or more charts on each further page.", "show", 0, "charts"),
    _look(
        "own_charts", "A", "your charts", "Compose a chart of chosen series, or edit, move and remove yours.", "show",
        0, "run",
    ),
    _look("axis", "a", "axis", "Show steps, epochs, samples, time or evaluations on the x axis.", "draw", 22),
    _look(
        "log_y", "L", "log", "Logarithmic or linear y axis of the chart that was made large, else of the loss.",
        "draw", 23,
    ),
    _look(
        "limits", "Z", "limits", "Set the ends of the axes of the chart that was made large, else of the loss.", "draw",
        0, "run",
    ),
    _look("log_x", "X", "log x", "Logarithmic or linear x axis of all charts.", "draw"),
    _look(
        "outliers", "P", "outliers", "Let rare outliers lie outside the charts, marked at the edge, or show all.",
        "draw",
    ),
    _look(
        "median", "M", "median", "Smooth with the moving median, which ignores single spikes, or with the mean.",
        "draw",
    ),
    _look(
        "seed_band", "S", "seeds", "Draw runs that differ only in their seed as one band, or every run.", "draw", 0,
        "several",
    ),
    _look("smoothing", "m", "smooth", "Smooth the training curves more, then not at all.", "draw", 24),
    _look(
        "over_time", "b", "over time", "Draw bar pictures (layers, ...) over time, one group after the other.", "draw",
        0, "bars",
    ),
    _look("diagnosis", "i", "findings", "List likely problems, evidence, and the keys that fix them.", "read", 27,
          "run"),
    _look("mute_finding", "D", "mute", "Mute the shown finding, or show the muted ones again.", "read", 0, "run"),
    _look("layers", "w", "layers", "List the layers: gradients, updates, dead units; 1 to 4 choose one over time.",
          "read", 26, "layers"),
    _look(
        "answers", "Q", "answers", "Show what the model answers: worst samples, confusion matrix, residuals, text.",
        "read", 0, "run",
    ),
    _look("runs", "r", "runs", "List the runs with their curves; again: a table of settings.", "read", 6, "several"),
    _look(
        "compare", "C", "compare",
        "Compare the runs of the screen, or a finished run with the last ones of its preset.", "read", 0, "comparable",
    ),
    _look(
        "leaderboard", "B", "leaderboard", "Rank the runs of the set in a table, with the progress of all of them.",
        "read", 28, "several",
    ),
    _look("sort_runs", "O", "sort", "Sort the leaderboard by its next column.", "read", 0, "several"),
    _look("reverse_order", "I", "reverse", "Reverse the order of the leaderboard.", "read", 0, "several"),
    _look("hide_run", "x", "hide", "Hide the selected run on the charts, or show it again.", "read", 0, "several"),
    _look(
        "pin_baseline", "p", "baseline", "Keep the selected run dim behind every chart as the baseline, or release it.",
        "read", 0, "run",
    ),
    _look(
        "other_baseline", "J", "baseline", "Choose a baseline among all runs of this runs directory.", "read", 0, "run",
    ),
    _look("next_run", "tab", "next run", "Select the next run of the set.", "read", 5, "several"),
    _look("previous_run", "shift+tab", "previous run", "Select the previous run of the set.", "read", 0, "several"),
    _look(
        "previous_mark", "left_square_bracket", "intervention", "Go to the previous intervention and its effect.",
        "read", 0, "marks",
    ),
    _look(
        "next_mark", "right_square_bracket", "intervention", "Go to the next intervention and its effect.", "read", 0,
        "marks",
    ),
    _look("lesson", "W", "lesson", "Show the full text of the lesson: claim, truth, formula, remarks.", "read", 27,
          "lesson"),
    _look("earlier_remark", "left_parenthesis", "remark", "Show the previous remark of the lesson.", "read", 0,
          "lesson"),
    _look(
        "later_remark", "right_parenthesis", "remark", "Show the next remark of the lesson, even before its turn.",
        "read", 0, "lesson",
    ),
    _look("log_all", "f", "all events", "Show epochs and saves among the events too, or not.", "read"),
    _look("log_up", "pageup", "events", "Scroll the open page or the events up.", "read"),
    _look("log_down", "pagedown", "events", "Scroll the open page or the events down.", "read"),
    _look(
        "search", "slash", "search", "Search the events of the run; on further pages of charts: filter these.", "find",
        29, "log",
    ),
    _look("search_next", "n", "next match", "Go to the next older match of the search.", "find", 0, "log"),
    _look("search_previous", "N", "newer match", "Go to the next newer match of the search.", "find", 0, "log"),
    _look("palette", "colon", "commands", "Find a command, a view or a theme by its name.", "find", 11),
    _look("copy", "y", "copy", "Copy values, rows, the path or a command to the clipboard.", "find", 30, "run"),
    _look("theme", "t", "theme", "Choose the colours, with a live preview.", "find", 31),
    _look("settings", "comma", "settings", "Show the settings of the screen, and change them.", "find"),
    _look("help", "question_mark", "help", "Show all keys, those of this view first; type to filter.", "find", 6),
    _look("redraw", "ctrl+l", "redraw", "Redraw the screen.", "find"),
    _look("back", "escape", "back", "Go back: close, restore the charts, remove the cursor.", "find"),
    _steer("pause", "space", "pause", "Pause after the current batch, or resume.", 1, "training"),
    _steer(
        "step", "full_stop", "one step", "Train one batch, then wait; pauses a running training first.", 2, "training",
        prime="paused",
    ),
    _steer("schedule", "s", "schedule", "Choose another schedule, with a preview of the learning rate.", 4, "training"),
    _steer("stop_early", "e", "stop", "Stop: at the end of the epoch, after this batch, or now. Asks which.", 7),
    _steer("undo", "u", "undo", "Undo the last intervention and continue from just before it.", 8, "training"),
    _steer("redo", "U", "redo", "Redo the intervention that was undone last.", 0, "training"),
    _steer("checkpoint", "c", "save", "Save a checkpoint.", 9, "training"),
    _steer(
        "double_rate", "plus equals_sign", "rate x2",
        "Double the learning rate; asks beyond a factor of 100 in all.", 12, "training",
    ),
    _steer(
        "halve_rate", "minus", "rate ÷2", "Halve the learning rate; asks beyond a factor of 100 in all.", 13,
        "training",
    ),
    Action(
        "wheel", ("at",), "wheel", "Take the wheel, so that only this screen steers, or give it back.", "steer",
        ("wheel",),
    ),
    Action(
        "drill", ("exclamation_mark",), "name the cause",
        "In a drill: name the cause, which frees the keys that steer, or ask for a hint.", "steer", ("run", "drill"), 1,
    ),
    Action(
        "steer", ("o",), "steer", "Open the steer panel: every control, its present value and its letter.", "steer",
        ("rerun",), 3,
    ),
    _panel("rate", "r", "learning rate", "Set the learning rate.", "steer", "training"),
    _panel("find_rate", "f", "find the rate", "Try growing rates, take them back, set one.", "steer", "training"),
    _panel("guards", "G", "guards", "Set rules that act by themselves; say first when they would have.", "steer",
           "training"),
    _panel("race", "F", "race", "Race two to four settings from here; take one or none.", "steer", "training"),
    _panel("try_step", "t", "try the batch", "Try the coming batch at some rates, while paused.", "steer", "training"),
    _panel("drop_rate", "d", "rate ÷10", "Divide the learning rate by 10.", "steer", "training"),
    _panel("optimizer", "o", "optimizer", "Change the optimizer or its settings; others stay.", "steer", "training"),
    _panel("clip", "g", "gradient clip", "Set or switch off gradient norm clipping.", "steer", "training"),
    _panel(
        "patience", "p", "early stopping", "Set the patience and minimum improvement of early stopping.", "steer",
        "training",
    ),
    _panel("epochs", "E", "epochs", "Change the number of epochs.", "steer", "training"),
    _panel("stop", "x", "stop now", "Stop after the current batch: validate, save, finish. Asks first.", "steer"),
    _panel(
        "roll_back", "b", "roll back", "Restore the best weights, or those of another save. Asks which.", "steer",
        "training", "best",
    ),
    _panel(
        "validate", "v", "validate", "Validate now; the result is drawn, but early stopping ignores it.", "steer",
        "training",
    ),
    _panel(
        "ask", "a", "answers", "Ask the model: validation samples, a typed row, or a prompt. Changes no training.",
        "steer", "training",
    ),
    _panel("note", "n", "note", "Write a note on the charts.", "steer", "training"),
    _panel("steer_all", "*", "steer all", "Steer all runs of the set, or only the selected one.", "several"),
    _panel(
        "anew", "N", "train again", "Train again from the start with other settings; asks while something trains.",
        "training", "rerun",
    ),
    _way(
        "keep", "K", "keep", "Rename, tag or hide this run, write a note, delete it, or keep only its best checkpoint.",
        0, "run",
    ),
    _way("bake", "F", "as preset", "Write this run as a preset: its settings, and what was done to it.", 0, "run"),
    _way("detach", "d", "detach", "Leave the screen; the training continues.", 10, "leavable"),
    _way(
        "resume_run", "R", "resume", "Resume a run that failed or whose host is gone, or train a finished one longer.",
        1, "gone",
    ),
    _way(
        "turn", "T", "turn", "Turn the problem by 15 degrees and train again; asks while something trains.", 7,
        "training", "rerun", "turnable",
    ),
    _way(
        "next_lesson", "greater_than_sign", "next lesson", "Go to the next lesson; asks while something trains.", 3,
        "lecture",
    ),
    _way(
        "previous_lesson", "less_than_sign", "prev lesson", "Go to the previous lesson; asks while something trains.",
        0, "lecture",
    ),
    _way(
        "play", "enter", "autoplay",
        "Play the lecture from here on, until a key is pressed; outside it: let the lesson guide, until another key.",
        9, "lesson",
    ),
    _way("play_again", "backspace", "play again", "Train the lesson again up to this remark; asks first.", 0, "lesson",
         "rerun"),
    _way(
        "sliders", "H", "sliders", "Move the rate and the momentum of gradient descent on a bowl; no run is needed.", 8,
        "sliders",
    ),
    _way(
        "try_next", "v", "try", "Train again with the lesson's next value, the last curve behind it; asks first.", 8,
        "tries", "training", "rerun",
    ),
    _way(
        "try_previous", "V", "try", "Train again with the lesson's previous value; asks while something trains.", 0,
        "tries", "training", "rerun",
    ),
    _way("quit", "q", "quit", "Leave; asks whether to stop a training or let it continue.", 5),
)  # fmt: skip
"""Every action, in the order of the help page."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}

Keymap = Mapping[str, str]
"""A user's keys by action id: separated by commas, as Textual's names or as the characters themselves."""

KEYMAPS: Mapping[str, Keymap] = {"default": {}, "classic": CLASSIC_KEYS}
"""The keymaps that a user can choose by name."""


def keys_of(action: Action, keymap: Keymap) -> tuple[str, ...]:
    """Return the keys of an action: the user's, or else those of the table."""
    own = keymap.get(action.id)
    return action.keys if own is None else tuple(key_name(key) for key in own.split(",") if key.strip())


def shown_key(action: Action, keymap: Keymap) -> str:
    """Return the first key of an action, as users read it; the key of the panel and its letter where it has none."""
    keys = keys_of(action, keymap)
    if keys:
        return key_sign(keys[0])
    panel = keys_of(BY_ID["steer"], keymap)
    return f"{key_sign(panel[0])} {action.letter}" if action.letter and panel else ""


def without_clashes(own: Keymap) -> dict[str, str]:
    """Return a user's keymap in which other actions give up the keys that the user gave away.

    An action that would be left without any key keeps its own: the clash is for the caller to report.
    """
    keymap = dict(own)
    taken = {key for name in own for key in keys_of(BY_ID[name], own)}
    for action in ACTIONS:
        kept = tuple(key for key in action.keys if key not in taken)
        if action.id not in own and kept and kept != action.keys:
            keymap[action.id] = ",".join(kept)
    return keymap


def key_table() -> str:
    """Return all actions and their keys as one Markdown table per group."""
    lines: list[str] = []
    for group, title in GROUPS.items():
        lines += [f"**{title}**", "", "| key | id | effect |", "|---|---|---|"]
        for action in ACTIONS:
            if action.group == group:
                keys = [f"`{key_sign(key)}`" for key in action.keys] or [f"`{shown_key(action, {})}`"]
                lines.append(f"| {' '.join(keys)} | `{action.id}` | {action.help} |")
        lines.append("")
    return "\n".join(lines)
