"""The lecture's table of contents: its 49 ideas in order, and the presets that show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tui_trainer.config.preset import preset_tables
from tui_trainer.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class Row:
    """One idea of the lecture.

    Attributes:
        id: S01 to S49.
        group: the part of the lecture.
        title: the idea, in a sentence.
    """

    id: str
    group: str
    title: str


_PARTS: dict[str, dict[str, str]] = {
    "design choices": {
        "S01": "Three choices make a network: hidden activation, head and loss; not every pair makes sense.",
        "S02": "The sign function passes no gradient: hidden layers stay as they were drawn.",
        "S03": "The perceptron converges all the same: it is SGD on another loss than the one it is judged by.",
        "S04": "An activation should have a derivative almost everywhere, not zero, and be cheap.",
        "S05": "The sigmoid's derivative is at most a quarter.",
        "S06": "tanh is a sigmoid stretched to -1..1, with a derivative of up to 1.",
        "S07": "ReLU and leaky ReLU train deep networks, tanh with Xavier does too, the sigmoid does not.",
        "S08": "The absolute value is acceptable, with a gain of 1.",
        "S09": "Numbers of any size want an identity head.",
        "S10": "Zero or one wants a sigmoid head and the binary cross-entropy.",
        "S11": "One of many wants a softmax.",
        "S12": "Cross-entropy learns classes faster than the squared error.",
        "S13": "Label smoothing keeps the logits finite.",
    },
    "algorithms": {
        "S14": "Memory grows with the samples in a step.",
        "S15": "A batch's gradient is right on average; its variance falls as 1/B.",
        "S16": "SGD: one sample, a mini-batch or all of them in a step.",
        "S17": "An epoch: shuffled slices see every sample once, draws with replacement miss a third.",
        "S18": "By iteration gradient descent is faster than SGD.",
        "S19": "By epoch SGD is faster than gradient descent.",
        "S20": "SGD is good for a medium accuracy: at a constant rate it stops at a floor.",
        "S21": "SGD on a convex problem wants rates whose sum is infinite and whose squares add up.",
        "S28": "Ill-conditioned: steepest descent zigzags.",
        "S29": "Newton, quasi-Newton and momentum help, at very different costs.",
    },
    "learning rates": {
        "S22": "1/t decay.",
        "S23": "Exponential decay.",
        "S24": "The staircase: divide the rate by 5 or 10 every so many epochs.",
        "S25": "Drop the rate when the validation error stagnates.",
        "S26": "Drop the rate when the objective stagnates.",
        "S27": "torch's schedulers, each beside its formula.",
    },
    "adaptive methods": {
        "S30": "Scale each coordinate: amplify small gradients, suppress large ones.",
        "S31": "Adagrad divides by the root of the sum of squared gradients.",
        "S32": "torch's Adagrad is that formula, with another epsilon.",
        "S33": "Adagrad's step dies.",
        "S34": "RMSprop forgets: its step stays.",
        "S35": "The two most popular: SGD with momentum, and Adam.",
        "S36": "Adam is RMSprop with momentum, and a correction for its first steps.",
    },
    "diagnosis": {
        "S37": "A loss that blows up wants a lower rate.",
        "S38": "A low rate is safe and slow.",
        "S39": "Flat too early can be the noise of a large rate.",
        "S40": "Sloping to the end: stopped too early.",
        "S41": "Remember the staircase.",
        "S42": "Gradients differ from layer to layer, and always in the same way.",
        "S48": "The size of the gradient does not tell when to stop.",
    },
    "initialisation": {
        "S43": "Zero weights do not move.",
        "S44": "Too large or too small: values and gradients explode or fade with depth.",
        "S45": "Xavier keeps a deep tanh network alive.",
        "S46": "Kaiming keeps a deep ReLU network alive.",
        "S47": "Orthogonal weights keep lengths exactly.",
    },
    "stopping": {
        "S49": "Early stopping on the validation error, with the best weights put back.",
    },
}  # fmt: skip

ROWS = {number: Row(number, group, title) for group, part in _PARTS.items() for number, title in part.items()}
"""Every row by its number, in the lecture's order: within a part, the order above."""

GROUPS = tuple(_PARTS)
"""The parts of the lecture, in order: the groups of its presets."""


def presets_by_row() -> dict[str, list[str]]:
    """The presets that show each row, those whose place in the lecture it is first."""
    found: dict[str, list[str]] = {number: [] for number in ROWS}
    for name, table in preset_tables().items():
        rows: list[str] = table.get("lesson", {}).get("rows", [])
        for number in rows:
            if number == rows[0]:
                found[number].insert(0, name)
            else:
                found[number].append(name)
    return found


def wanted(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """The rows that were asked for, all known ones where none was, in the lecture's order and each once.

    Raises:
        UserError: there is no such row; the nearest is named.
    """
    known = set(known)
    asked = {text.upper() for text in given}
    for text in sorted(asked - known):
        raise UserError(f"no row {text!r} in the lecture; {did_you_mean(text, known)}")
    return [number for number in ROWS if number in (asked or known)]
