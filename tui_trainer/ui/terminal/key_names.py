"""The names of keys: those that Textual gives them, and those that users read and write."""

from __future__ import annotations

_SYMBOLS = {
    "full_stop": ".",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "asterisk": "*",
    "colon": ":",
    "comma": ",",
    "question_mark": "?",
    "at": "@",
    "exclamation_mark": "!",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "number_sign": "#",
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
