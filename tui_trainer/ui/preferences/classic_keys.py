"""The keys of version 0.1, by action id."""

from __future__ import annotations

from collections.abc import Mapping

CLASSIC_KEYS: Mapping[str, str] = {
    "cursor_left": "left", "cursor_right": "right", "zoom_in": "up", "zoom_out": "down", "first_step": "home",
    "log_y": "y", "over_time": "h", "lesson": "t", "search_next": "", "search_previous": "", "copy": "Y",
    "theme": "ctrl+t", "steer": "O", "rate": "l", "drop_rate": "k", "optimizer": "o", "clip": "g", "patience": "p",
    "epochs": "E", "stop": "x", "roll_back": "b", "validate": "v", "note": "n", "steer_all": "asterisk", "anew": "N",
    "hide_run": "H", "pin_baseline": "L", "sort_runs": "F", "sliders": "f6", "try_next": "f8", "try_previous": "f7",
    "bake": "f9",
}  # fmt: skip
"""The keys of version 0.1, where letters steered: `keys = "classic"` in the settings."""
