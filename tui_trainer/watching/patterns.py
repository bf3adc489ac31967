"""Numbers in the lines that training scripts print: tqdm, Lightning, Keras, Hugging Face, plain words, own patterns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

MAX_LINE = 4000
"""Characters of a line in which numbers are looked for."""
NUMBER = r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+\.\d+|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf)"


@dataclass(frozen=True, slots=True)
class LineNumbers:
    """The numbers of one line.

    Attributes:
        format: the name of the pattern that found them.
        values: by the name of the series.
        step, steps: batches so far and in all, where the line says so.
        epoch, epochs: the same of epochs; HF prints parts of an epoch.
        ends_epoch: whether the line is the last one of an epoch.
    """

    format: str
    values: dict[str, float] = field(default_factory=dict[str, float])
    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    ends_epoch: bool = False


_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_PAIR = re.compile(rf"([A-Za-z][\w./-]*)\s*[=:]\s*({NUMBER})(?![\w.%/])")
_TQDM = re.compile(
    r"^(?:(?P<said>.*?):?\s+)?\d{1,3}%\|[^|]*\|\s*(?P<step>\d+)/(?P<steps>\d+)\s*\[(?P<rest>[^\[\]]*)\](?P<after>.*)$"
)
_TQDM_OPEN = re.compile(r"^(?:(?P<said>.*?):\s+)?(?P<step>\d+)it \[(?P<rest>[^\[\]]*)\](?P<after>.*)$")
_RICH = re.compile(
    r"^\s*(?:Epoch (?P<epoch>\d+)/(?P<last>-?\d+)|\w[\w ]*?)\s+[\u2501\u2578\u257a]+\s+"
    r"(?P<step>\d+)/(?P<steps>\d+|--)\s+\S+ \u2022 \S+\s+[\d.]+(?:it/s|s/it)?(?P<rest>.*)$"
)
_KERAS = re.compile(
    rf"^\s*(?P<step>\d+)/(?P<steps>\d+)(?=[\s\u2501\[-])(?=.*(?:\d[mu]?s\b|\[[=>.]|\u2501)).*?"
    rf"\s-\s(?P<rest>[A-Za-z][\w./-]*: {NUMBER}.*)$"
)
_KERAS_EPOCH = re.compile(r"^\s*Epoch (\d+)/(\d+)\s*$")
_EPOCH = re.compile(r"\bepochs?\s*[:=#]?\s*\[?(\d+)(?:\s*(?:/|of)\s*(\d+))?(?![\d.]*\d*%)", re.IGNORECASE)
_STEP = re.compile(
    r"\b(?:global[_ ]step|step|iter(?:ation)?|batch|update)s?\s*[:=#]?\s*\[?(\d+)(?:\s*(?:/|of)\s*(\d+))?",
    re.IGNORECASE,
)
_HF_ITEM = re.compile(rf"""['"]([A-Za-z][\w./-]*)['"]\s*:\s*['"]?({NUMBER})['"]?\s*(?=[,}}])""")
_PLAIN = re.compile(
    r"(?<![\w/])(?:(?P<split>train(?:ing)?|val(?:id(?:ation)?)?|eval(?:uation)?|test)[ _/.-]*)?"
    rf"(?P<name>loss|acc(?:uracy)?)\s*(?:[:=]|is)?\s*(?P<value>{NUMBER})(?P<unit>\s?%)?",
    re.IGNORECASE,
)

_NAMES = {"loss": "train_loss", "acc": "train_accuracy", "accuracy": "train_accuracy", "learning_rate": "lr"}
_LEFT_OUT = re.compile(r"(^|[_/])(runtime|samples_per_second|steps_per_second|v_num|total_flos)$")
_VALIDATION = re.compile(r"^(?:val|valid|validation|eval)[_/. -]")


def series_of(name: str) -> str:
    """Return the series of a name that a library prints; its own loss is that of the training."""
    plain = name.strip().replace(" ", "_")
    if _VALIDATION.match(plain):
        rest = _VALIDATION.sub("", plain)
        return "val_" + {"acc": "accuracy"}.get(rest, rest)
    if plain in ("train/loss", "training_loss", "train_loss_step", "loss_step"):
        return "train_loss"
    return _NAMES.get(plain, plain)


def is_validation(series: str) -> bool:
    """Return whether a series was measured on validation data."""
    return series.startswith("val_")


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def _pairs(text: str) -> dict[str, float]:
    found = {series_of(name): _number(value) for name, value in _PAIR.findall(text) if not _LEFT_OUT.search(name)}
    return {name: value for name, value in found.items() if name not in ("step", "epoch", "it", "s")}


def _epoch_in(text: str) -> tuple[float | None, int | None]:
    match = _EPOCH.search(text)
    return (float(match[1]), int(match[2]) if match[2] else None) if match else (None, None)


def _tqdm(line: str) -> LineNumbers | None:
    """Read a bar of tqdm, which Lightning draws too: `Epoch 3:  45%|##  | 45/100 [00:01<00:02, 30it/s, loss=0.2]`."""
    match = _TQDM.match(line) or _TQDM_OPEN.match(line)
    if match is None:
        return None
    said = match["said"] or ""
    epoch, epochs = _epoch_in(said)
    values = _pairs(match["rest"]) | _pairs(match["after"]) | (_plain_values(said) if said else {})
    steps = match.groupdict().get("steps")
    return LineNumbers("tqdm", values, int(match["step"]), int(steps) if steps else None, epoch, epochs)


def _rich(line: str) -> LineNumbers | None:
    """Read Lightning's other bar: `Epoch 0/4 ━━━ 3/64 0:00:01 • 0:00:07 44.0it/s train_loss: 0.2`; it counts from 0."""
    match = _RICH.match(line)
    if match is None:
        return None
    steps = int(match["steps"]) if match["steps"].isdigit() else None
    if match["epoch"] is None:  # a validation, or a test
        return LineNumbers("rich", {}, int(match["step"]), steps)
    epochs = int(match["last"]) + 1
    return LineNumbers(
        "rich", _pairs(match["rest"]), int(match["step"]), steps, float(match["epoch"]), max(epochs, 0) or None
    )


def _keras(line: str) -> LineNumbers | None:
    """Read the lines of Keras 2 and 3: `32/32 - 1s 5ms/step - loss: 0.69 - val_loss: 0.66`."""
    epoch = _KERAS_EPOCH.match(line)
    if epoch is not None:
        return LineNumbers("keras", epoch=float(epoch[1]), epochs=int(epoch[2]))
    match = _KERAS.match(line)
    if match is None:
        return None
    step, steps = int(match["step"]), int(match["steps"])
    values = _pairs(match["rest"])
    return LineNumbers("keras", values, step, steps, ends_epoch=step == steps and any(map(is_validation, values)))


def _hugging_face(line: str) -> LineNumbers | None:
    """Read what the Trainer logs: `{'loss': 0.5, 'grad_norm': 1.2, 'learning_rate': 5e-05, 'epoch': 1.0}`."""
    at, end = line.find("{"), line.rfind("}")
    if at < 0 or end < at:
        return None
    found = {name: _number(value) for name, value in _HF_ITEM.findall(line[at : end + 1])}
    if "epoch" not in found or len(found) < 2:
        return None
    epoch = found.pop("epoch")
    if "train_runtime" in found:  # the summary at the end: its loss is the mean over all epochs
        return LineNumbers("hugging-face", epoch=epoch)
    values = {series_of(name): value for name, value in found.items() if not _LEFT_OUT.search(name)}
    return LineNumbers("hugging-face", values, epoch=epoch)


def _plain_values(line: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for match in _PLAIN.finditer(line):
        split = (match["split"] or "train").lower()
        split = "train" if split.startswith("train") else "test" if split == "test" else "val"
        name = "loss" if match["name"].lower() == "loss" else "accuracy"
        values.setdefault(f"{split}_{name}", _number(match["value"]) / (100 if match["unit"] else 1))
    return values


def _plain(line: str) -> LineNumbers | None:
    """Read a loss or an accuracy in words: `step 100: train loss 2.31, val loss 2.40`."""
    values = _plain_values(line)
    if not values:
        return None
    step, (epoch, epochs) = _STEP.search(line), _epoch_in(line)
    numbers = (int(step[1]), int(step[2]) if step[2] else None) if step else (None, None)
    return LineNumbers("plain", values, *numbers, epoch, epochs)


FORMATS: tuple[Callable[[str], LineNumbers | None], ...] = (_tqdm, _rich, _hugging_face, _keras, _plain)
"""The formats that are known, in the order in which they are tried."""


class LinePattern(Protocol):
    """A pattern beside those that are built in."""

    name: str

    def find(self, line: str) -> float | None:
        """Return the number in a line; None where there is none."""
        ...


def read_line(line: str, metrics: Sequence[LinePattern] = ()) -> LineNumbers | None:
    """Return the numbers in a line, with escape sequences taken out first; None where there are none.

    Args:
        line: as it was printed, without its end.
        metrics: patterns of the user, which go before what is known by the same name.
    """
    line = _ESCAPES.sub("", line[:MAX_LINE])
    own = {metric.name: value for metric in metrics if (value := metric.find(line)) is not None}
    found: LineNumbers | None = None
    for read in FORMATS:
        found = read(line)
        if found is not None:
            break
    if not own:
        return found
    if found is None:
        step, (epoch, epochs) = _STEP.search(line), _epoch_in(line)
        return LineNumbers("own", own, int(step[1]) if step else None, None, epoch, epochs)
    values = found.values | own
    return LineNumbers(found.format, values, found.step, found.steps, found.epoch, found.epochs, found.ends_epoch)
