"""The data of a run as code: read, split, standardised and cut into batches as the run does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.bundled import Csv, Diabetes, Digits, Text
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Data

if TYPE_CHECKING:
    from tui_trainer.data.splits import ReadColumn, Samples

LOADERS = {
    "digits": "load_digits",
    "breast-cancer": "load_breast_cancer",
    "wine": "load_wine",
    "iris": "load_iris",
    "diabetes": "load_diabetes",
}
"""The function of scikit-learn for each kind of data that comes with it."""
KINDS = (*LOADERS, "csv", "text")
"""Every kind of data that a script can hold."""

_NUMBERS = {
    "numbers": "float(cell)",
    "decimal commas": 'float(cell.replace(".", "").replace(",", "."))',
    "grouped": 'float(cell.replace(",", ""))',
}
"""A cell as a number, by the way in which its column writes them."""

_MOMENTS = '''
def moments(values):
    """Return mean and standard deviation of each column; 1 for columns that vary only by rounding."""
    mean, variance = values.mean(0), values.var(0)
    epsilon, count = np.finfo(np.float64).eps, len(values)
    constant = variance <= count * epsilon * variance + (count * mean * epsilon) ** 2
    return mean, np.where(constant, 1.0, np.sqrt(variance))
'''

_TENSORS = '''
def tensors(part):
    """Return inputs and targets of a part of the samples."""
    return (
        torch.from_numpy(np.ascontiguousarray(inputs[part], np.{floats})).to(DEVICE),
        torch.from_numpy(np.ascontiguousarray(targets[part], np.{kind})).to(DEVICE),
    )
'''

_WINDOWS = '''
def windows(part):
    """Return windows of symbols that do not overlap, with the next symbols as targets."""
    count = (len(part) - 1) // CONTEXT
    return tuple(
        torch.from_numpy(part[first : first + count * CONTEXT].reshape(count, CONTEXT).copy()).to(DEVICE)
        for first in (0, 1)
    )
'''


def imports_of(config: RunConfig) -> list[str]:
    """Return the import lines that the data need."""
    data = config.data
    lines = ["import numpy as np"]
    if data.kind in LOADERS:
        lines.append(f"from sklearn.datasets import {LOADERS[data.kind]}")
    if isinstance(data, Csv):
        lines.append("import csv")
    if isinstance(data, Text) and not data.path:
        lines.append("from pydoc_data.topics import topics")
    return lines


def data_code(config: RunConfig, data: Data) -> str:
    """Return the code that builds the training, validation and test split."""
    if isinstance(config.data, Text):
        return _text(config.data, data)
    parts = [_read(config), _split(config, data), _standardise(config, data)]
    used = ["train", "validation", *(["test"] if data.test is not None else [])]
    parts.append("\n".join(f"{part}_inputs, {part}_targets = tensors({part})" for part in used))
    return "\n\n".join(part for part in parts if part)


def functions_code(config: RunConfig, data: Data) -> str:
    """Return the functions that `data_code` calls."""
    if isinstance(config.data, Text):
        return _WINDOWS.strip()
    floats = "float64" if config.training.precision == "float64" else "float32"
    tensors = _TENSORS.strip().format(floats=floats, kind="int64" if data.classes else floats)
    return f"{_MOMENTS.strip()}\n\n\n{tensors}" if config.data.standardise else tensors


def batches_code(config: RunConfig) -> str:
    """Return `batches(epoch, size)`."""
    sampling = config.data.sampling
    if sampling == "full":
        body = ['"""Yield all samples as one batch."""', "yield train_inputs, train_targets"]
    else:
        draw = "torch.randperm(count, generator=seeded(SEED, epoch))"
        if sampling == "replacement":
            draw = "torch.randint(count, (count,), generator=seeded(SEED, epoch))"
        body = [
            '"""Yield the batches of an epoch, in an order that follows from the seed and the epoch."""',
            "count = len(train_inputs)",
            f"order = {draw}.to(DEVICE)",
            "for first in range(0, count, size):",
            "    chosen = order[first : first + size]",
            "    yield train_inputs[chosen], train_targets[chosen]",
        ]
    return "\n".join(["def batches(epoch, size):", *(f"    {line}" for line in body)])


def _read(config: RunConfig) -> str:
    """Return the code that reads all samples as the arrays `inputs` and `targets`."""
    data = config.data
    if isinstance(data, Csv):
        return _table(data, data.draw(config.training.seed))
    loader = LOADERS[data.kind]
    if isinstance(data, Digits):
        scaled = f" * {data.scale!r}" if data.scale != 1.0 else ""
        return (
            f"read = {loader}()\ninputs = read.images[:, None]{scaled}  # [n, 1, 8, 8]\n"
            "targets = read.target.astype(np.int64)"
        )
    if isinstance(data, Diabetes):
        return f"read = {loader}(scaled=False)\ninputs, targets = read.data, read.target[:, None]"
    return f"read = {loader}()\ninputs, targets = read.data, read.target.astype(np.int64)"


def _table(data: Csv, samples: Samples) -> str:
    *columns, target = samples.columns
    lines = [
        f'with open({data.path!r}, encoding="utf-8-sig", newline="") as file:',
        f"    lines = csv.reader(file, delimiter={data.delimiter!r})",
        "    header, *rows = [[cell.strip() for cell in row] for row in lines if row]",
    ]
    if data.missing != "refuse":
        from tui_trainer.data.csv_files import MISSING

        lines.append(f"MISSING = {sorted(MISSING)!r}")
    if data.missing == "drop":
        ignored = f" if name not in {list(data.ignore)!r}" if data.ignore else ""
        lines += [
            f"used = [index for index, name in enumerate(header){ignored}]",
            "rows = [row for row in rows if not any(row[index].lower() in MISSING for index in used)]",
        ]
    lines += ["columns = []"]
    for column in columns:
        lines += _column(column, fill=data.missing == "fill")
    lines.append("inputs = np.stack(columns, 1)")
    if samples.classes:
        lines += [
            f"classes = {dict(target.classes)!r}",
            f"targets = np.array([classes[row[header.index({target.name!r})]] for row in rows], np.int64)",
        ]
    else:
        lines.append(f"cells = [row[header.index({target.name!r})] for row in rows]")
        lines.append(f"targets = np.array([{_NUMBERS[target.kind]} for cell in cells])[:, None]")
    return "\n".join(lines)


def _column(column: ReadColumn, *, fill: bool) -> list[str]:
    cells = f"cells = [row[header.index({column.name!r})] for row in rows]"
    if column.kind == "words":
        made = f"columns += [np.array([cell == word for cell in cells], np.float64) for word in {list(column.words)!r}]"
    else:
        value = _NUMBERS[column.kind]
        if fill:
            value = f"math.nan if cell.lower() in MISSING else {value}"
        made = f"columns.append(np.array([{value} for cell in cells]))"
    return [cells, made]


def _split(config: RunConfig, data: Data) -> str:
    """Return the code that draws the parts; the number of samples in each is written as it was worked out."""
    seed = config.training.seed
    lines = ["# the split", f"rng = np.random.default_rng([{seed}, 1])"]
    second, third = len(data.validation), len(data.test) if data.test is not None else 0
    if not data.classes:
        count = len(data.train) + second + third
        cuts = f"[{count - second - third}, {count - third}]"
        lines.append(f"parts = np.split(rng.permutation({count}), {cuts})")
        lines.append("train, validation, test = (np.sort(part) for part in parts)")
        return "\n".join(lines)
    classes = data.shape.targets
    seconds = data.validation.targets.bincount(minlength=classes).tolist()
    thirds = data.test.targets.bincount(minlength=classes).tolist() if data.test is not None else [0] * classes
    if data.test is None:
        lines += [
            f"FOR_VALIDATION = {seconds}  # samples of each class",
            "parts = []",
            "for label, second in enumerate(FOR_VALIDATION):",
            "    order = rng.permutation(np.flatnonzero(targets == label))",
            "    parts.append(np.split(order, [len(order) - second]))",
            "train, validation = (np.sort(np.concatenate(part)) for part in zip(*parts))",
        ]
        return "\n".join(lines)
    lines += [
        f"FOR_VALIDATION = {seconds}  # samples of each class",
        f"FOR_TEST = {thirds}",
        "parts = []",
        "for label, (second, third) in enumerate(zip(FOR_VALIDATION, FOR_TEST)):",
        "    order = rng.permutation(np.flatnonzero(targets == label))",
        "    parts.append(np.split(order, [len(order) - second - third, len(order) - third]))",
        "train, validation, test = (np.sort(np.concatenate(part)) for part in zip(*parts))",
    ]
    return "\n".join(lines)


def _standardise(config: RunConfig, data: Data) -> str:
    settings, lines = config.data, list[str]()
    if data.fill is not None:
        lines += [
            "# missing numbers: the mean of the training rows",
            "present = ~np.isnan(inputs[train])",
            "means = np.where(present, inputs[train], 0.0).sum(0) / np.maximum(present.sum(0), 1)",
            "inputs = np.where(np.isnan(inputs), means, inputs)",
        ]
    if settings.standardise:
        lines += [
            "# mean 0 and deviation 1 over the training samples",
            "mean, deviation = moments(inputs[train])",
            "inputs = (inputs - mean) / deviation",
        ]
        if settings.clip is not None:
            lines.append(f"inputs = inputs.clip({-settings.clip!r}, {settings.clip!r})")
        if not data.classes:
            lines += ["mean, target_scale = moments(targets[train])", "targets = (targets - mean) / target_scale"]
    elif not data.classes:
        lines.append("target_scale = 1.0")
    if settings.label_noise:
        lines += _noise(settings, data, config.training.seed)
    return "\n".join(lines)


def _noise(settings: Dataset, data: Data, seed: int) -> list[str]:
    return [
        f"# {settings.label_noise:.0%} of the training labels are drawn again",
        f"rng = np.random.default_rng([{seed}, 2])",
        f"chosen = rng.permutation(train)[: {round(settings.label_noise * len(data.train))}]",
        "targets = targets.copy()",
        f"targets[chosen] = rng.integers({data.shape.targets}, size=len(chosen))",
    ]


def _text(settings: Text, data: Data) -> str:
    if settings.path:
        lines = [
            f'with open({settings.path!r}, encoding="utf-8-sig", newline="") as file:',
            "    text = file.read()",
        ]
    else:
        lines = ['text = "\\n".join(topics[name] for name in sorted(topics))']
    lines += [
        f"CONTEXT = {settings.context}",
        'points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)',
        "alphabet, symbols = np.unique(points, return_inverse=True)",
        "symbols = symbols.astype(np.int64)",
        f"last = len(symbols) - round(len(symbols) * {settings.validation!r})",
        f"middle = last - round(len(symbols) * {settings.test!r})",
    ]
    used = [
        "train_inputs, train_targets = windows(symbols[:middle])",
        "validation_inputs, validation_targets = windows(symbols[last:])",
    ]
    if data.test is not None:
        used.append("test_inputs, test_targets = windows(symbols[middle:last])")
    return "\n".join([*lines, *used])
