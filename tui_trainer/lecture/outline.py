"""The table of contents of the lecture: its rows in order, and the presets that show them.

The lecture is a university lecture on the basic methods of training deep networks. A row is one of its ideas, numbered
S01 to S49 in the order of the slides, or one beside the slides, X01 to X08; each is shown by a preset and checked by
measured claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tui_trainer.config.preset import preset_tables
from tui_trainer.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class Row:
    """One idea of the lecture.

    Attributes:
        id: S01 to S49, or X01 to X08.
        group: the part of the lecture.
        title: the idea, in a sentence.
    """

    id: str
    group: str
    title: str


_PARTS: dict[str, dict[str, str]] = {
    "design choices": {
        "S01": "Three choices make a network: hidden activation, head and loss; not every pair is valid.",
        "S02": "The sign function passes no gradient: hidden layers keep their initial weights.",
        "S03": "The perceptron converges nevertheless: it is SGD, but not on the loss by which it is evaluated.",
        "S04": "An activation should be cheap, with a derivative that is not zero almost everywhere.",
        "S05": "The sigmoid's derivative is at most a quarter.",
        "S06": "tanh is a sigmoid stretched to -1..1, with a derivative of up to 1.",
        "S07": "ReLU and leaky ReLU train deep networks, tanh with Xavier does too, the sigmoid does not.",
        "S08": "The absolute value is acceptable, with a gain of 1.",
        "S09": "Unbounded targets need an identity head.",
        "S10": "Binary targets need a sigmoid head and the binary cross-entropy.",
        "S11": "Multiclass targets need a softmax.",
        "S12": "Cross-entropy learns classes faster than the squared error.",
        "S13": "Label smoothing keeps the logits finite.",
    },
    "algorithms": {
        "S14": "Memory grows with the batch size.",
        "S15": "The gradient of a batch is unbiased; its variance falls as 1/B.",
        "S16": "SGD: one sample, a mini-batch or all samples per step.",
        "S17": "An epoch: shuffled batches use every sample once, draws with replacement miss a third.",
        "S18": "By iteration gradient descent is faster than SGD.",
        "S19": "By epoch SGD is faster than gradient descent.",
        "S20": "SGD is good for a medium accuracy: at a constant rate it stops at a noise floor.",
        "S21": "Convex SGD needs rates with an infinite sum and a finite sum of squares.",
        "S28": "On ill-conditioned problems steepest descent zigzags.",
        "S29": "Newton, quasi-Newton and momentum help, at very different costs.",
        "X01": "Back-propagation is the chain rule, and differences of the loss can check it.",
    },
    "learning rates": {
        "S22": "1/t decay.",
        "S23": "Exponential decay.",
        "S24": "The staircase: divide the rate by 5 or 10 every few epochs.",
        "S25": "Drop the rate when the validation error stagnates.",
        "S26": "Drop the rate when the objective stagnates.",
        "S27": "torch's schedulers, each compared with its formula.",
        "X02": "The rate-range test: raise the rate at each step until the loss turns.",
        "X08": "Warm-up: a network bears a rate later that would end it at its first steps.",
    },
    "adaptive methods": {
        "S30": "Scale each coordinate: amplify small gradients, suppress large ones.",
        "S31": "Adagrad divides by the root of the sum of squared gradients.",
        "S32": "torch's Adagrad is that formula, with another epsilon.",
        "S33": "Adagrad's step decays to almost zero.",
        "S34": "RMSprop forgets old gradients: its step does not decay.",
        "S35": "The two most popular: SGD with momentum, and Adam.",
        "S36": "Adam is RMSprop with momentum and bias correction.",
    },
    "diagnosis": {
        "S37": "If the loss diverges, lower the learning rate.",
        "S38": "A low learning rate is stable but slow.",
        "S39": "A loss that flattens early can be noise of a large learning rate.",
        "S40": "A loss that still falls at the end: stopped too early.",
        "S41": "Remember the staircase schedule.",
        "S42": "Gradients differ consistently from layer to layer.",
        "S48": "The gradient norm does not tell when to stop.",
        "X03": "Overfit a few images first: a network that cannot has a bug.",
        "X04": "Gradient clipping bounds the length of a step.",
    },
    "initialisation": {
        "S43": "Zero weights do not change.",
        "S44": "Too large or too small: activations and gradients explode or vanish with depth.",
        "S45": "With Xavier a deep tanh network trains.",
        "S46": "With Kaiming a deep ReLU network trains.",
        "S47": "Orthogonal weights keep lengths exactly.",
        "X07": "Batch normalisation forgives the scale of the first weights.",
    },
    "stopping": {
        "S49": "Early stopping on the validation error, with the best weights restored.",
        "X05": "Weight decay keeps a large network from learning wrong labels by heart.",
        "X06": "Dropout does the same by leaving units out at random.",
    },
}  # fmt: skip

ROWS = {number: Row(number, group, title) for group, part in _PARTS.items() for number, title in part.items()}
"""Every row by its number, in the lecture's order: within a part, the order above."""

GROUPS = tuple(_PARTS)
"""The parts of the lecture in order, which are the groups of its presets."""


def presets_by_row() -> dict[str, list[str]]:
    """Return the presets that show each row; the row's own presets come first."""
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
    """Return the requested rows, or all if none is given, in the lecture's order without duplicates.

    Raises:
        UserError: there is no such row; the nearest is named.
    """
    known = set(known)
    asked = {text.upper() for text in given}
    for text in sorted(asked - known):
        raise UserError(f"no row {text!r} in the lecture; {did_you_mean(text, known)}")
    return [number for number in ROWS if number in (asked or known)]
