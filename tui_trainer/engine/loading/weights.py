"""Fine-tuning: weights from a safetensors file, and parts of a model that are not trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tui_trainer.engine.checkpointing.file_format import FORMAT
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.text import visible

_PREFIX = "model."
"""The prefix of the names of the model's tensors in a checkpoint of this program."""
NAMED = 3
"""Most names that a message lists."""


def matching(pattern: str, names: Iterable[str], key: str) -> list[str]:
    """Return the names that a pattern matches. Raises `UserError` if there are none."""
    known = list(names)
    found = [name for name in known if fnmatchcase(name, pattern)]
    if not found:
        raise UserError(f"{key}: {pattern!r} matches none of the names; {did_you_mean(pattern, known)}")
    return found


def load_weights(model: nn.Module, path: str, skip: Sequence[str], log: Callable[[str], None]) -> None:
    """Load the weights of a model from a file; every tensor must fit, apart from those to skip.

    Raises:
        UserError: the file cannot be read, or names or shapes differ; the message names the first and what to do.
    """
    key = f"model.weights = {path!r}"
    own = model.state_dict()
    file = Path(path).expanduser()
    if not file.is_file():
        raise UserError(f"{key}: no such file (looked in {str(file.absolute().parent)!r})")
    try:
        with safe_open(file, framework="pt") as opened:
            content: Any = opened
            ours = (content.metadata() or {}).get("format") == FORMAT
            stored = {name: name for name in content.keys()}  # noqa: SIM118 - no mapping
            if ours:
                stored = {name.removeprefix(_PREFIX): name for name in stored if name.startswith(_PREFIX)}
            skipped = {
                name for pattern in skip for name in matching(pattern, sorted({*own, *stored}), "model.weights_skip")
            }
            taken = {name: full for name, full in stored.items() if name not in skipped}
            shapes = {name: list(content.get_slice(full).get_shape()) for name, full in taken.items()}
            _check(key, own, shapes, skipped)
            with torch.no_grad():
                for name, full in taken.items():
                    own[name].copy_(content.get_tensor(full))
    except (SafetensorError, OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{key} is not a safetensors file: {str(error)[:200]}") from None
    kept = f", {len(skipped & own.keys())} skipped" if skipped else ""
    log(f"model.weights: {len(taken)} tensors from {path}{kept}")


def _check(key: str, own: dict[str, Tensor], shapes: dict[str, list[int]], skipped: set[str]) -> None:
    """Raise `UserError` for the first of the tensors that do not fit, with the number of the others."""
    problems: list[tuple[str, str]] = []
    for name, tensor in own.items():
        if name in shapes and shapes[name] != list(tensor.shape):
            problems.append((name, f"{name!r} is {shapes[name]} in the file and {list(tensor.shape)} in the model"))
    problems += [
        (name, f"{name!r} of the model is not in the file; {did_you_mean(name, shapes)}")
        for name in own
        if name not in shapes and name not in skipped
    ]
    problems += [
        (visible(name), f"{visible(name)!r} of the file is not in the model; {did_you_mean(visible(name), own)}")
        for name in shapes
        if name not in own
    ]
    if not problems:
        return
    name, first = problems[0]
    part = f"{name.partition('.')[0]}.*" if "." in name else name
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise UserError(f"{key}: {first}{more}; to leave out what does not fit, set model.weights_skip = [{part!r}]")


def freeze(model: nn.Module, patterns: Sequence[str]) -> int:
    """Train no parameter that a pattern matches. Returns the number of weights in them.

    Raises:
        UserError: a pattern matches no parameter, or together they match all.
    """
    parameters = dict(model.named_parameters())
    for pattern in patterns:
        for name in matching(pattern, parameters, "model.frozen"):
            parameters[name].requires_grad_(False)
    if parameters and not any(parameter.requires_grad for parameter in parameters.values()):
        raise UserError(f"model.frozen = {list(patterns)}: matches every parameter, and leaves none to train")
    return sum(parameter.numel() for parameter in parameters.values() if not parameter.requires_grad)
