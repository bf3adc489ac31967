"""A run as one torch script: its data, model, loss, optimizer and schedule, and what was done to it at which step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import Data
from tui_trainer.errors import UserError
from tui_trainer.runs.bake import read_begun
from tui_trainer.runs.history import RunHistory
from tui_trainer.runs.recorded_data import recorded_data
from tui_trainer.runs.run_dir import read_about, recorded_processes
from tui_trainer.runs.torch_script import refusals
from tui_trainer.runs.torch_script.data_code import batches_code, data_code, functions_code
from tui_trainer.runs.torch_script.data_code import imports_of as data_imports
from tui_trainer.runs.torch_script.loop_code import helpers_code, loop_code
from tui_trainer.runs.torch_script.loss_code import loss_code
from tui_trainer.runs.torch_script.model_code import model_code, weights_code
from tui_trainer.runs.torch_script.optimizer_code import made
from tui_trainer.runs.torch_script.schedule_code import imports_of as schedule_imports
from tui_trainer.runs.torch_script.schedule_code import makers, rate_code
from tui_trainer.runs.torch_script.steering import Steered, Steering
from tui_trainer.text import visible

SMALL = 200_000
"""Parameters below which a run uses one thread."""

_SEEDED = '''
def seeded(*numbers):
    """Return a generator whose stream is a function of the numbers."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ number) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 29
    return torch.Generator().manual_seed(state)
'''


@dataclass(frozen=True, slots=True)
class TorchScript:
    """A run as a script.

    Attributes:
        text: of the file.
        interventions: that it repeats.
        warning: a sentence about data that have changed since; empty where they have not.
    """

    text: str
    interventions: int
    warning: str


def torch_script(folder: Path, name: str) -> TorchScript:
    """Return the script that trains a run again, what was undone left out.

    Args:
        folder: the directory of the run.
        name: of the run.

    Raises:
        UserError: the run has something that a script cannot hold, named in the message; or its files cannot be read.
    """
    config, history, started = read_begun(folder, name)
    _refuse(name, refusals.of_config(config))
    data = config.data.build(config.training.seed, wide=config.training.precision == "float64")
    writer = _Writer(config, data, history, started.device)
    _refuse(name, [*writer.steering.problems, *refusals.of_plans(writer.steering.plans)])
    processes = recorded_processes(read_about(folder))
    return TorchScript(writer.text(name, processes), len(history.interventions), _changed(folder, data))


def _refuse(name: str, problems: list[str]) -> None:
    if problems:
        raise UserError(
            f"run {name!r} cannot be written as a torch script, which does not hold: {'; '.join(problems)}. "
            f"As a preset it can: tui-trainer bake {name}"
        )


def _changed(folder: Path, data: Data) -> str:
    """Return whether the data are no longer those of the run, in words."""
    recorded = recorded_data(read_about(folder))
    if not recorded or data.fingerprint is None or recorded[-1].hash == data.fingerprint.hash:
        return ""
    return f"the data {recorded[-1].name!r} changed since the run: the script trains on those of now"


class _Writer:
    """Puts the parts of a script together."""

    def __init__(self, config: RunConfig, data: Data, history: RunHistory, device: str) -> None:
        self._config, self._data, self._device = config, data, device
        self._outputs = config.loss.outputs(data.shape)
        module = config.model.assemble(data.shape, self._outputs)
        self._count = sum(parameter.numel() for parameter in module.parameters())
        self._names = [name for name, _ in module.named_parameters()]
        self._frozen = [name for name in self._names if refusals.matches(name, config.model.frozen)]
        self._trained = [(name, one) for name, one in module.named_parameters() if name not in self._frozen]
        self._own = list(module.state_dict())
        count, size = len(data.train), config.data.batch_size * config.training.accumulate
        size = count if config.data.sampling == "full" else min(size, count)
        self.steering: Steering = Steered(config, -(-count // size), history, self._trained, device).follow()
        sizes = {each.batch_size for each in history.lengths} or {size}
        parts = {-(-each // config.training.accumulate) for each in sizes}
        self._ones = any(count % one == 1 or one == 1 or each % one == 1 for each in sizes for one in parts)

    def text(self, name: str, processes: int) -> str:
        """Return the script."""
        config, data = self._config, self._data
        wide = config.training.precision == "float64"
        optimizer = self._optimizer()
        code = [
            self._head(),
            functions_code(config, data),
            data_code(config, data),
            batches_code(config),
            model_code(config.model, data.shape, self._outputs, wide=wide, ones=self._ones),
            self._weights(),
            loss_code(config.loss, data.shape),
            optimizer,
            *makers(self.steering.plans),
            rate_code(self.steering.stretches, self.steering.lengths),
        ]
        steered = [line for block in self.steering.blocks.values() for line in block]
        groups = any('"factor"' in line for line in (optimizer, *steered))
        clips = config.training.clip_grad_norm > 0 or any(line.startswith("clip = ") for line in steered)
        code += [
            helpers_code(config, data, self.steering),
            loop_code(config, data, self.steering, groups=groups, clips=clips),
        ]
        body = "\n\n\n".join(part for part in code if part) + "\n"
        return f"{_about(name, config, processes)}\n\n{self._imports(body)}\n\n{body}"

    def _imports(self, body: str) -> str:
        lines = ["import copy", "import math", "import torch", "from torch import nn"]
        if "OrderedDict(" in body:
            lines.append("from collections import OrderedDict")
        if "F." in body:
            lines.append("import torch.nn.functional as F")
        if "load_file(" in body:
            lines.append("from safetensors.torch import load_file")
        lines += [*data_imports(self._config), *schedule_imports(self.steering.plans)]
        return "\n".join(sorted(dict.fromkeys(lines), key=lambda line: (line.startswith("from"), line)))

    def _head(self) -> str:
        training = self._config.training
        lines = [f"SEED = {training.seed}", f'DEVICE = "{self._device}"']
        threads = training.threads or (1 if self._device == "cpu" and self._count < SMALL else 0)
        if threads:
            lines.append(f"torch.set_num_threads({threads})")
        return "\n".join(lines) + "\n\n\n" + _SEEDED.strip()

    def _weights(self) -> str:
        model, parts = self._config.model, list[str]()
        if model.weights:
            skipped = [name for name in self._own if refusals.matches(name, model.weights_skip)]
            parts.append(weights_code(model.weights, skipped))
        if self._frozen:
            parts.append(
                f"for name in {self._frozen!r}:  # these are not trained\n"
                "    model.get_parameter(name).requires_grad_(False)"
            )
        return "\n\n".join(parts)

    def _optimizer(self) -> str:
        lines = made(self._config.optimizer, self._trained, self._device, many=self.steering.many)
        wanted = "trained = [weight for weight in model.parameters() if weight.requires_grad]"
        uses = [*lines, *(line for block in self.steering.blocks.values() for line in block)]
        if any("weights[name]" in line for line in uses):
            wanted += "\nweights = dict(model.named_parameters())"
        seed = "torch.manual_seed(seeded(SEED, 2).initial_seed())  # of the dropout"
        return "\n".join([wanted, *lines, seed])


def _about(name: str, config: RunConfig, processes: int) -> str:
    needs = ["torch", "numpy"]
    if config.data.kind not in ("csv", "text"):
        needs.append("scikit-learn")
    if config.model.weights:
        needs.append("safetensors")
    shown = visible(name).replace('"', "'").replace("\\", "/")
    listed = f"{', '.join(needs[:-1])} and {needs[-1]}"
    together = (
        f"The run was trained by {processes} processes, this script is one: the batches are the same, so are the\n"
        "numbers up to rounding; where there is dropout or batch norm each process drew and normalized for\n"
        "itself, and they differ.\n\n"
    )
    return (
        f'"""The run {shown} as one script: it trains again, with what was done to the run at each step.\n\n'
        f'{together if processes > 1 else ""}It needs {listed}, and prints a line for each epoch.\n"""'
    )
