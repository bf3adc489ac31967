"""Put together the answers of a model: the worst samples, the chosen ones, what was typed, and the summaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Split
from tui_trainer.engine.answers.outputs import Outputs, measure_of, outputs_of
from tui_trainer.engine.answers.samples import MAX_VALUES, in_units, is_image, sample_of
from tui_trainer.engine.answers.scores import confusion, deviations
from tui_trainer.engine.answers.undisturbed import undisturbed
from tui_trainer.engine.answers.writing import symbols_of, write
from tui_trainer.engine.pictures.base import Numbers, PictureResult
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Answers, Sample

MAX_SHOWN_NUMBERS = 12_000
"""Most pixels and values of all shown samples together, so that an answer stays small."""


@dataclass(frozen=True, slots=True)
class Question:
    """Samples to show the answers for, besides the worst.

    Attributes:
        samples: indices of validation samples.
        row: one row of a table, in the units of the data.
        prompt: text to continue.
        worst: number of worst samples.
    """

    samples: tuple[int, ...] = ()
    row: tuple[float, ...] = ()
    prompt: str = ""
    worst: int = 6


def check(question: Question, setup: TrainingSetup) -> None:
    """Raise `UserError` where a question does not fit the data of the run."""
    data = setup.data
    task, count = data.shape.task, len(data.validation)
    if task == "minimise":
        raise UserError("answers: this run minimises a function: it has no samples to answer for")
    for index in question.samples:
        if index >= count:
            raise UserError(f"answers: samples={index}: there are {count} validation samples, 0 to {count - 1}")
    if question.prompt and task != "language":
        raise UserError("answers: prompt: this model reads no text; give samples=[0, 1] or a row")
    if question.prompt:
        symbols_of(setup, question.prompt)
    numbers = 1
    for side in data.shape.inputs:
        numbers *= side
    if question.row and (task == "language" or is_image(data.shape.inputs)):
        alternative = "a prompt" if task == "language" else "samples=[0, 1]"
        raise UserError(f"answers: row: samples of this data are no rows of a table; give {alternative}")
    if question.row and len(question.row) != numbers:
        names = ", ".join(data.features[:MAX_VALUES])
        raise UserError(
            f"answers: row has {len(question.row)} numbers, and a sample has {numbers}"
            + (f": {names}" if names else "")
        )


def answer(setup: TrainingSetup, config: RunConfig, question: Question) -> PictureResult:
    """Return the answers of the model with its present weights. Raises `UserError` for an impossible question."""
    check(question, setup)
    data, split = setup.data, setup.data.validation
    with undisturbed(setup.model, setup.device):
        found = outputs_of(setup, config, split)
        chosen = _chosen(setup, found, question.samples)
        if question.row:
            chosen.append(_typed(setup, config, question.row))
        written = (write(setup, config, question.prompt),) if data.shape.task == "language" else ()
    shown = _bounded(chosen, _chosen(setup, found, _worst(found.wrong, question.worst)))
    drawing = Answers(
        title="answers",
        task=data.shape.task,
        measure=measure_of(setup, config),
        count=len(split),
        names=tuple(name[:120] for name in data.features[:MAX_VALUES]),
        chosen=shown[0],
        worst=shown[1],
        written=written,
    )
    numbers: Numbers = {"samples": float(len(split))}
    match data.shape.task:
        case "classification":
            table, scores, more = confusion(data, found.predictions, split.targets.cpu())
            drawing = drawing.model_copy(update={"table": table, "classes": scores})
            for score in scores:
                more |= {f"precision/{score.name}": score.precision, f"recall/{score.name}": score.recall}
        case "regression":
            answers, targets = (
                torch.tensor([in_units(data, row) for row in rows], dtype=torch.float64)
                for rows in (found.predictions, split.targets)
            )
            points, residuals, more = deviations(answers, targets)
            drawing = drawing.model_copy(update={"points": points, "residuals": residuals})
        case _:
            more = {"nats": float(found.wrong.mean())}
    return PictureResult(drawing, {**more, **numbers})


def _worst(wrong: Tensor, count: int) -> list[int]:
    """Return the positions of the most wrong answers, the worst first; one that is not finite is the worst."""
    ranked = torch.nan_to_num(wrong, nan=torch.inf)
    return torch.sort(ranked, descending=True, stable=True).indices[:count].tolist()


def _chosen(setup: TrainingSetup, outputs: Outputs, indices: Sequence[int]) -> list[Sample]:
    split = setup.data.validation
    return [
        sample_of(setup.data, split.inputs[index], outputs, index, index, split.targets[index]) for index in indices
    ]


def _typed(setup: TrainingSetup, config: RunConfig, row: Sequence[float]) -> Sample:
    """Return a typed row with its answer. It is standardised as the data were."""
    data, like = setup.data, setup.data.validation
    values = torch.tensor(row, dtype=torch.float64).view(data.shape.inputs)
    scaling = data.scaling
    if scaling is not None:
        values = (values - torch.as_tensor(scaling.mean)) / torch.as_tensor(scaling.deviation)
        if scaling.clip is not None:
            values = values.clamp(-scaling.clip, scaling.clip)
    inputs = values.to(like.inputs).unsqueeze(0)
    outputs = outputs_of(setup, config, Split(inputs, like.targets[:1]))
    sample = sample_of(data, inputs[0], outputs, 0, -1, None)
    return sample.model_copy(update={"values": tuple(float(f"{value:.6g}") for value in row[:MAX_VALUES])})


def _bounded(chosen: list[Sample], worst: list[Sample]) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """Return as many chosen and worst samples as fit into one answer, the chosen ones first."""
    left = MAX_SHOWN_NUMBERS
    kept: list[list[Sample]] = [[], []]
    for place, samples in enumerate((chosen, worst)):
        for sample in samples:
            left -= sum(len(row) for row in sample.image) + len(sample.values) + len(sample.text) // 4
            if left < 0:
                break
            kept[place].append(sample)
    return tuple(kept[0]), tuple(kept[1])
