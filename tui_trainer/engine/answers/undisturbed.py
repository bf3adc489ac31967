"""A forward pass between two steps that leaves nothing behind in the run."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from tui_trainer.engine import rng


@contextmanager
def undisturbed(model: nn.Module, device: torch.device) -> Generator[None]:
    """Evaluate a model without gradients, and put back whatever that changed.

    Restored are the mode of every single module (a part of a model may be frozen in another mode than the rest), all
    buffers, such as running averages, and the generators of torch, numpy and Python.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    streams = rng.state_dict(device)
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        model.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        now = rng.state_dict(device)
        if any(not torch.equal(state, now[name]) for name, state in streams.items()):
            rng.load_state_dict(streams, device)
        np.random.set_state(of_numpy)
        random.setstate(of_python)
