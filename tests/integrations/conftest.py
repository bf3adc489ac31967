"""The same small training in four libraries, and commands that are sent to it at its steps."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tui_trainer.protocol import commands as cmd

LIBRARIES = {
    "transformers": "transformers",
    "lightning": "pytorch_lightning",
    "keras": "keras",
    "accelerate": "accelerate",
}
"""The package of each library."""
EPOCHS, STEPS = 3, 8
RATE = 0.1
SECONDS = 120.0


def needs(library: str) -> None:
    """Skip a test where a library is not installed."""
    if importlib.util.find_spec(LIBRARIES[library]) is None:
        pytest.skip(f"{LIBRARIES[library]} is not installed")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Return samples of a sum with noise, of which no step takes the loss to 0."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(8 * STEPS, 4, generator=generator)
    return inputs, inputs.sum(1, keepdim=True) + torch.randn(8 * STEPS, 1, generator=generator)


class Drive:
    """Sends commands at steps of a training, and notes the rate, the weights and the loss of each.

    Args:
        runs: the runs directory.
        plan: commands by step; they are sent before it is taken, and take effect after it.
    """

    def __init__(self, runs: Path, plan: Mapping[int, Sequence[cmd.AnyCommand] | Callable[[Drive], None]]) -> None:
        self.runs, self.plan = runs, plan
        self.rates: list[float] = []
        self.weights: list[torch.Tensor] = []
        self.losses: list[float] = []
        self.path = Path()
        self.monitor: Callable[[], Any] = lambda: None
        self.notes: list[int] = []
        self._threads: list[threading.Thread] = []

    def forward(self, rate: Any, weight: Any) -> None:
        """Take in that a step begins."""
        self.rates.append(float(rate))
        self.weights.append(torch.as_tensor(weight).detach().clone())
        monitor = self.monitor()
        if monitor is None:
            return
        self.path = Path(monitor.path)
        planned = self.plan.get(len(self.rates), ())
        if callable(planned):
            planned(self)
        else:
            for command in planned:
                self.send(command)

    def send(self, command: cmd.AnyCommand) -> None:
        """Send a command, as a viewer would."""
        assert self.monitor()._run.submit(command) is None

    @property
    def state(self) -> Any:
        """The state of the run."""
        return self.monitor()._run.state

    def later(self, act: Callable[[], None]) -> None:
        """Act from another thread."""
        self._threads.append(threading.Thread(target=act, daemon=True))
        self._threads[-1].start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline
            threading.Event().wait(0.005)

    def join(self) -> None:
        """Wait for what acts from other threads."""
        for thread in self._threads:
            thread.join(SECONDS)
            assert not thread.is_alive()

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Return the events of the run of some types."""
        lines = [json.loads(line) for line in (self.path / "events.jsonl").read_text().splitlines()]
        return [event for event in lines if not types or event["type"] in types]

    def series(self, name: str) -> dict[int, float]:
        """Return what the journal has of a series, by step."""
        found: dict[int, float] = {}
        for event in self.events("Scalars"):
            pairs = zip(event["steps"], event["values"].get(name, []), strict=False)
            found |= {step: value for step, value in pairs if value is not None}
        return found

    @property
    def refusals(self) -> list[str]:
        """The reasons for which commands were refused."""
        return [event["reason"] for event in self.events("Refused")]


def _transformers(drive: Drive, **given: Any) -> Any:
    """Train with the Trainer, on its linear schedule; `resume` is a checkpoint, `save` says at which steps."""
    from transformers import Trainer, TrainingArguments

    from tui_trainer.integrations.transformers import MonitorCallback

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(4, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            if self.training:
                drive.forward(trainer.optimizer.param_groups[0]["lr"], self.layer.weight)
            outputs = self.layer(x)
            loss = nn.functional.mse_loss(outputs, labels)
            if self.training:
                drive.losses.append(float(loss))
            return {"loss": loss, "logits": outputs}

    inputs, targets = data()
    rows = [{"x": x, "labels": y} for x, y in zip(inputs, targets, strict=True)]
    callback = MonitorCallback("try", runs_dir=drive.runs, quiet=True)
    drive.monitor = lambda: callback.monitor
    saves = {"save_strategy": "steps", "save_steps": given["save"]} if "save" in given else {"save_strategy": "no"}
    arguments = TrainingArguments(
        output_dir=str(drive.runs.parent / "hf"), num_train_epochs=EPOCHS, per_device_train_batch_size=8, use_cpu=True,
        learning_rate=RATE, lr_scheduler_type="linear", eval_strategy="epoch", logging_steps=1, report_to=[],
        disable_tqdm=True, dataloader_pin_memory=False, gradient_accumulation_steps=given.get("accumulate", 1), **saves,
    )  # fmt: skip
    trainer = Trainer(model=Model(), args=arguments, train_dataset=rows, eval_dataset=rows, callbacks=[callback])
    trainer.train(resume_from_checkpoint=given.get("resume"))
    return trainer


def _lightning(drive: Drive, **given: Any) -> Any:
    """Train with Lightning, on an exponential schedule by step; `resume` is a checkpoint, `save` its path and step."""
    import pytorch_lightning as lightning

    from tui_trainer.integrations.lightning import MonitorCallback

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(4, 1)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            drive.forward(self.trainer.optimizers[0].param_groups[0]["lr"], self.layer.weight)
            loss = nn.functional.mse_loss(self.layer(batch[0]), batch[1])
            drive.losses.append(float(loss))
            return loss

        def on_train_batch_end(self, *_: Any) -> None:
            if self.trainer.global_step == given.get("save"):
                self.trainer.save_checkpoint(drive.runs.parent / "saved.ckpt", weights_only=False)

        def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
            self.log("val_loss", nn.functional.mse_loss(self.layer(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=RATE)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), 8)
    callback = MonitorCallback("try", runs_dir=drive.runs, quiet=True)
    drive.monitor = lambda: callback.monitor
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, callbacks=[callback], accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **given.get("trainer", {}),
    )  # fmt: skip
    trainer.fit(Module(), loader, loader, ckpt_path=given.get("resume"))
    return trainer


def _keras(drive: Drive, **given: Any) -> Any:
    """Train with Keras on torch at a constant rate, or at `rate`, with further `callbacks`."""
    import keras

    from tui_trainer.integrations.keras import MonitorCallback

    keras.utils.set_random_seed(0)

    class Model(keras.Sequential):
        def train_step(self, batch: Any) -> Any:
            drive.forward(self.optimizer.learning_rate, self.layers[0].kernel.value)
            x, y = batch
            drive.losses.append(float(((self(x) - y) ** 2).mean()))
            return super().train_step(batch)

    model = Model([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(given.get("rate", RATE)), loss="mse", metrics=["mae"])
    inputs, targets = (tensor.numpy() for tensor in data())
    callback = MonitorCallback("try", runs_dir=drive.runs, quiet=True)
    drive.monitor = lambda: callback.monitor
    model.fit(
        inputs, targets, batch_size=8, epochs=EPOCHS, shuffle=False, validation_data=(inputs, targets), verbose=0,
        callbacks=[*given.get("callbacks", []), callback],
    )  # fmt: skip
    return model


def _accelerate(drive: Drive, **given: Any) -> Any:
    """Train a loop with accelerate, on an exponential schedule; `asks` says whether it asks to stop."""
    from accelerate import Accelerator

    from tui_trainer.integrations.accelerate import MonitorTracker

    tracker = MonitorTracker("try", runs_dir=drive.runs, quiet=True)
    accelerator = Accelerator(
        cpu=True,
        log_with=tracker,
        gradient_accumulation_steps=given.get("accumulate", 1),
        step_scheduler_with_optimizer=True,
    )
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.95)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*data()), 8)
    model, optimizer, loader, schedule = accelerator.prepare(model, optimizer, loader, schedule)
    if "resume" in given:
        accelerator.load_state(given["resume"])
    tracker.watch(model=model, optimizer=optimizer, scheduler=schedule, epochs=EPOCHS, steps_per_epoch=STEPS)
    accelerator.init_trackers("project", config={"rate": RATE})
    drive.monitor = lambda: tracker.monitor
    if tracker.should_stop if given.get("asks", True) else accelerator.log({}):
        return accelerator
    steps = 0
    for _ in range(EPOCHS):
        for inputs, targets in loader:
            with accelerator.accumulate(model):
                drive.forward(optimizer.param_groups[0]["lr"], accelerator.unwrap_model(model).weight)
                loss = nn.functional.mse_loss(model(inputs), targets)
                accelerator.backward(loss)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            drive.losses.append(float(loss))
            accelerator.log({"loss": loss.detach()})
            steps += 1
            if steps == given.get("save"):
                accelerator.save_state(str(drive.runs.parent / "saved"), safe_serialization=True)
            if given.get("asks", True) and tracker.should_stop:
                break
        accelerator.log({"val_loss": float(loss)})
        if given.get("asks", True) and tracker.should_stop:
            break
    tracker.finish()
    return accelerator


TRAININGS: dict[str, Callable[..., Any]] = {
    "transformers": _transformers,
    "lightning": _lightning,
    "keras": _keras,
    "accelerate": _accelerate,
}


def own_rate(library: str, step: int) -> float:
    """Return the rate of the library's own schedule with which a step is taken, from 1."""
    return {
        "transformers": RATE * (1 - (step - 1) / (EPOCHS * STEPS)),
        "lightning": RATE * 0.95 ** (step - 1),
        "keras": RATE,
        "accelerate": RATE * 0.95 ** (step - 1),
    }[library]


Train = Callable[..., Any]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Train with a library, which may warn, and return what became of it."""
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)

    def start(library: str, plan: Mapping[int, Any] | None = None, **given: Any) -> tuple[Drive, Any]:
        needs(library)
        drive = Drive(tmp_path / "runs", plan or {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trained = TRAININGS[library](drive, **given)
        drive.join()
        return drive, trained

    assert os.environ["KERAS_BACKEND"] == "torch"
    return start
