"""Text that a language model writes after a prompt, one symbol at a time."""

from __future__ import annotations

import torch

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.answers.outputs import log_shares
from tui_trainer.engine.answers.samples import text_of
from tui_trainer.engine.batches import seeded
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Written

LENGTH = 160
"""Symbols that are written."""
_WRITING = 7
"""Random stream of the seed for the symbols that are drawn."""
START = 24
"""Symbols of the validation text that stand in for an empty prompt."""


def symbols_of(setup: TrainingSetup, prompt: str) -> list[int]:
    """Return the symbols of a prompt. Raises `UserError` for a character that the vocabulary lacks."""
    known = {symbol: index for index, symbol in enumerate(setup.data.classes)}
    missing = next((character for character in prompt if character not in known), None)
    if missing is not None:
        alike = missing.swapcase()
        hint = f"; {alike!r} is" if alike in known and alike != missing else ""
        raise UserError(
            f"answers: prompt={prompt[:60]!r}: {missing!r} is not among the {len(known)} characters of the text{hint}"
        )
    return [known[character] for character in prompt]


def write(setup: TrainingSetup, config: RunConfig, prompt: str) -> Written:
    """Continue a prompt by symbols drawn from the model's probabilities, the same for the same weights.

    The draws come from a generator of their own, so that no other random number of the run depends on them. The caller
    has put the model into evaluation mode.
    """
    context = setup.data.shape.inputs[0]
    symbols = symbols_of(setup, prompt) or setup.data.validation.inputs[0][:START].tolist()
    generator = seeded(config.training.seed, _WRITING)
    start = len(symbols)
    for _ in range(LENGTH):
        window = torch.tensor([symbols[-context:]], device=setup.device)
        shares = log_shares(config, setup.model(window)[0, -1]).exp().cpu()
        if not bool(torch.isfinite(shares).all()):
            break
        symbols.append(int(torch.multinomial(shares, 1, generator=generator)))
    return Written(prompt=text_of(setup.data, symbols[:start]), text=text_of(setup.data, symbols[start:]))
