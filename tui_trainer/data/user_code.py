"""User code by import path: models, data, losses and more. It runs only for trusted runs."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tui_trainer.data.splits import Samples
from tui_trainer.data.types import ProblemSpec
from tui_trainer.errors import UserError


def imported(path: str, key: str) -> Any:
    """Return what `module:name` names. The working directory is searched for modules too.

    Raises:
        UserError: there is no such module or name; the message names `key`, the line of the preset.
    """
    module, _, function = path.partition(":")
    if not function:
        raise UserError(f'{key}: name the code as "module:function"')
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        target: Any = importlib.import_module(module)
        for name in function.split("."):
            target = getattr(target, name)
    except Exception as error:  # noqa: BLE001 - a module of the user's own may fail in any way
        raise UserError(f"{key} = {path!r}: {type(error).__name__}: {error}") from None
    return target


def callable_of(path: str, key: str, arguments: Mapping[str, Any]) -> Callable[..., Any]:
    """Return the function `module:function` with its keyword arguments bound; of a class, an object that is called.

    Raises:
        UserError: there is no such function, or the class cannot be called with the arguments.
    """
    target = imported(path, key)
    made = called(path, key, **arguments) if isinstance(target, type) else target
    if not callable(made):
        raise UserError(f"{key} = {path!r}: {type(made).__name__} cannot be called: name a function or a class")
    return partial(made, **arguments) if made is target and arguments else made


def called(path: str, key: str, *given: Any, **arguments: Any) -> Any:
    """Call the function `module:function` and return its result.

    Raises:
        UserError: there is no such module or function, or it raises; the message names `key`, the line of the preset.
    """
    target = imported(path, key)
    try:
        return target(*given, **arguments)
    except Exception as error:  # noqa: BLE001 - and so may the function; where, its traceback in the log says
        traceback.print_exc()
        raise UserError(f"{key} = {path!r}: {type(error).__name__}: {error}") from None


def module(path: str, shape: ProblemSpec, outputs: int, arguments: Mapping[str, Any]) -> nn.Module:
    """Return the module that the function builds for samples of `shape`. Raises `UserError`."""
    made = called(path, "model.path", shape.inputs, outputs, **arguments)
    if not isinstance(made, nn.Module):
        raise UserError(f"model.path = {path!r}: returned {type(made).__name__}, and must return a torch.nn.Module")
    return made


def optimizer(
    path: str, parameters: Sequence[nn.Parameter], lr: float, arguments: Mapping[str, Any]
) -> torch.optim.Optimizer:
    """Return the torch optimizer that the function builds over the parameters. Raises `UserError`."""
    key = "optimizer.path"
    if "lr" in arguments:
        raise UserError("optimizer.arguments.lr: the learning rate is a key of its own: set optimizer.lr")
    made = called(path, key, list(parameters), lr=lr, **arguments)
    if not isinstance(made, torch.optim.Optimizer):
        raise UserError(f"{key} = {path!r}: returned {type(made).__name__}, and must return a torch.optim.Optimizer")
    held = [each for group in made.param_groups for each in group["params"]]
    if {id(each) for each in held} != {id(each) for each in parameters} or len(held) != len(parameters):
        raise UserError(
            f"{key} = {path!r}: holds {len(held)} parameters of {len(parameters)} given: each must be in one group"
        )
    if not all(isinstance(group.get("lr"), float) for group in made.param_groups):
        raise UserError(f"{key} = {path!r}: each parameter group needs a number lr, which the schedule sets")
    return made


def samples(path: str, arguments: Mapping[str, Any], *, classes: bool) -> Samples:
    """Return the function's samples: inputs `[n, ...]` and targets `[n]` (or `[n, t]` numbers).

    Raises:
        UserError: it returns something else.
    """
    made = called(path, "data.path", **arguments)
    try:
        first, second = made
        inputs, targets = np.asarray(_array(first), np.float64), np.asarray(_array(second))
    except (TypeError, ValueError):
        raise UserError(f"data.path = {path!r}: must return inputs and targets, two arrays or tensors") from None
    if inputs.ndim < 2 or len(inputs) != len(targets) or not np.isfinite(inputs).all():
        raise UserError(
            f"data.path = {path!r}: inputs must be finite and [samples, ...], one target each; they are "
            f"{list(inputs.shape)}, the targets {list(targets.shape)}"
        )
    note = f"{len(inputs):,} samples of {path}"
    if not classes:
        numbers = targets.astype(np.float64).reshape(len(targets), -1)
        return Samples(inputs, numbers, (), note)
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer) or targets.min(initial=0) < 0:
        raise UserError(f"data.path = {path!r}: classes must be whole numbers from 0, one for each sample")
    names = tuple(str(number) for number in range(int(targets.max(initial=0)) + 1))
    return Samples(inputs, targets.astype(np.int64), names, note)


def _array(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value
