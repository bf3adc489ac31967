"""The lengths of the epochs of a run whose batch size was changed: from which step on an epoch has how many steps."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class EpochLength(BaseModel):
    """The length of the epochs from one epoch on.

    Attributes:
        step: steps that were taken before the first of these epochs.
        epoch: epochs that had ended by then.
        steps: steps in each of them.
        batch_size: samples in a batch.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    step: int
    epoch: int
    steps: int
    batch_size: int


Lengths = Sequence[EpochLength]
"""Oldest first; the first one begins at step 0."""


def at_step(lengths: Lengths, step: float) -> EpochLength:
    """Return the length that is in force at a step."""
    return next((each for each in reversed(lengths) if each.step <= step), lengths[0])


def epoch_at(lengths: Lengths, step: float) -> float:
    """Return the number of epochs that have passed at a step, the one under way as a fraction."""
    length = at_step(lengths, step)
    return length.epoch + (step - length.step) / length.steps


def epochs_ended(lengths: Lengths, step: int) -> int:
    """Return the number of epochs that have ended at a step."""
    length = at_step(lengths, step)
    return length.epoch + (step - length.step) // length.steps


def step_of_epoch(lengths: Lengths, epoch: float) -> float:
    """Return the steps that are taken when so many epochs have passed."""
    length = next((each for each in reversed(lengths) if each.epoch <= epoch), lengths[0])
    return length.step + (epoch - length.epoch) * length.steps


def samples_at(lengths: Lengths, step: float) -> float:
    """Return the samples of the batches up to a step, the last ones of the epochs taken as whole."""
    samples = 0.0
    for length, following in zip(lengths, [*lengths[1:], None], strict=True):
        if following is None or step < following.step:
            return samples + (step - length.step) * length.batch_size
        samples += (following.step - length.step) * length.batch_size
    return samples


def step_of_sample(lengths: Lengths, sample: float) -> float:
    """Return the step at which so many samples were trained on, the reverse of `samples_at`."""
    for length, following in zip(lengths, [*lengths[1:], None], strict=True):
        width = (following.step - length.step) * length.batch_size if following is not None else float("inf")
        if sample < width:
            return length.step + sample / length.batch_size
        sample -= width
    return 0.0
