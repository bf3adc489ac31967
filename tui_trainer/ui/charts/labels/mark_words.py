"""Two or three words for an intervention, written beside its mark."""

from __future__ import annotations

import re

from tui_trainer.state.run_state import Mark
from tui_trainer.text import cut, visible
from tui_trainer.ui.charts.ticks import short

MAX_CELLS = 22
"""Cells of the longest text."""
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)", re.IGNORECASE)
_WORDS = {
    "l": "rate", "g": "clip", "p": "patience", "E": "epochs", "s": "schedule", "o": "optimizer", "b": "back to best",
    "u": "undone", "c": "saved", "e": "stop", "x": "stop", "n": "note", "j": "step skipped",
}  # fmt: skip


def mark_words(mark: Mark) -> str:
    """Describe an intervention: "rate ÷10", "clip 1", "schedule cosine", or the text of a note."""
    word, text = _WORDS.get(mark.letter, ""), re.sub(r" \([^()]*@[^()]*(\([^()]*\))?\)$", "", mark.text)
    match mark.letter:
        case "l":
            return _rate(text)
        case "g" | "E":
            numbers = _numbers(text)
            return f"{word} off" if "off," in text or not numbers else f"{word} {short(_after(text, numbers))}"
        case "s" | "o":
            named = re.search(rf"{word} ([\w-]+)", text)
            return cut(visible(f"{word} {named.group(1)}" if named else word), MAX_CELLS)
        case "b" if steps := re.match(r"rolled back (.* steps?),", text):
            return f"back {steps.group(1)}"
        case "n":
            return cut(visible(text.removeprefix("note: ")), MAX_CELLS, "…")
        case _:
            return word or cut(visible(text), MAX_CELLS, "…")


def _rate(text: str) -> str:
    """Describe a change of the learning rate as a factor where it is a round one, else by the new rate."""
    numbers = _numbers(text)
    if len(numbers) < 2 or not all(numbers[:2]):
        return f"rate {short(numbers[0])}" if numbers else "rate"
    new, old = (numbers[1], numbers[0]) if "→" in text else (numbers[0], numbers[1])
    factor = max(new / old, old / new)
    # The text has four digits of each rate.
    if 1.05 < factor < 1e6 and abs(factor * 2 - round(factor * 2)) < factor * 0.005:
        times = f"{float(f'{factor:.3g}'):,.0f}" if factor >= 100 else f"{round(factor * 2) / 2:g}"
        return f"rate {'x' if new > old else '÷'}{times}"
    return f"rate {short(new)}"


def _after(text: str, numbers: list[float]) -> float:
    """Return the new value: after an arrow, else before "was"."""
    return numbers[1] if "→" in text and len(numbers) > 1 else numbers[0]


def _numbers(text: str) -> list[float]:
    return [float(match) for match in _NUMBER.findall(text)]
