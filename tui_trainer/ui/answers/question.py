"""A question to the model as it is typed: indices of samples, a row of a table, or a prompt."""

from __future__ import annotations

from tui_trainer.protocol.commands import MAX_CHOSEN, ShowAnswers

ROW = "row"
"""First word of a typed row."""


NO_SAMPLES = "this run minimises a function: it has no samples to answer for"
"""The words where there is nothing to ask."""


def has_samples(task: str) -> bool:
    """Return whether the model of a task can be asked."""
    return task != "minimise"


def explanation(task: str, data: str = "") -> str:
    """Return what can be typed for a task, with data that are described so: images are no rows of a table."""
    if task == "language":
        return "A beginning of a text that the model continues; empty: the beginning of the validation text."
    if " images of " in data:
        return "Numbers of validation samples (0 5 20-24); empty: the worst alone."
    return "Numbers of validation samples (0 5 20-24), or a row of a table (row 5.1 3.5 1.4); empty: the worst alone."


def parse_question(text: str, task: str, samples: int) -> ShowAnswers:
    """Return the command that a text asks for.

    Args:
        text: what was typed.
        task: the task of the run; for a language model the text is a prompt.
        samples: number of validation samples, 0 where it is not known.

    Raises:
        ValueError: the text is no question; the message says what is allowed.
    """
    if task == "language":
        if len(text) > 500:
            raise ValueError(f"a prompt has at most 500 characters, and this has {len(text)}")
        return ShowAnswers(prompt=text)
    words = text.replace(",", " ").split()
    if words and words[0].casefold() == ROW:
        return ShowAnswers(row=tuple(_number(word) for word in words[1:]))
    indices = [index for word in words for index in _indices(word, samples)]
    if len(indices) > MAX_CHOSEN:
        raise ValueError(f"at most {MAX_CHOSEN} samples are shown, and these are {len(indices)}")
    return ShowAnswers(samples=tuple(dict.fromkeys(indices)))


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{word!r} is no number") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{word!r} is not finite")
    return value


def _indices(word: str, samples: int) -> range:
    """Return the indices of one word: a number, or two numbers with a hyphen between them."""
    first, _, last = word.removeprefix("#").partition("-")
    if not first.isdecimal() or not (last.isdecimal() or "-" not in word):
        hint = f"; for a row of a table: {ROW} {word} ..." if "." in word else ""
        raise ValueError(f"{word!r} is no number of a sample, such as 5, or 20-24{hint}")
    low, high = int(first), int(last or first)
    if high < low:
        raise ValueError(f"{word}: the first number must not be the larger one")
    if samples and high >= samples:
        raise ValueError(f"{high}: there are {samples} validation samples, 0 to {samples - 1}")
    return range(low, min(high + 1, low + MAX_CHOSEN + 1))
