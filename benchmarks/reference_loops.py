"""Training loops of other libraries, each on the data and the model of a preset.

`python -m benchmarks.reference_loops KIND[:DISPLAY] PRESET FILE THREADS` trains until it is killed and appends lines of
`steps seconds` to FILE. DISPLAY is `own` for the library's bar and logger, `monitor` for our callback in their place,
`none` for neither.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from tui_trainer.config.preset import load
from tui_trainer.engine import setup

EVERY = 8
"""Steps between two lines of the file."""


class Counter:
    """Writes the progress of a loop, for less than a microsecond per step."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self.steps = 0

    def __call__(self) -> None:
        self.steps += 1
        if self.steps % EVERY == 0:
            self._file.write(f"{self.steps} {perf_counter():.6f}\n")


class PlainTorch:
    """The model, data and optimizer of a preset as plain torch objects."""

    def __init__(self, preset: str, changes: Sequence[str] = ()) -> None:
        config = load(preset, ["early_stopping.enabled=false", *changes]).runs[""]
        components = setup.set_up(config, lambda line: None)
        split = components.data.train
        self.inputs, self.targets = split.inputs, split.targets
        self.validation = components.data.validation
        self.model = components.model
        self.batch_size = config.data.batch_size
        self.clip = config.training.clip_grad_norm
        self.epochs = config.training.epochs
        self.language = components.data.shape.task == "language"
        smoothing = getattr(config.loss, "label_smoothing", 0.0)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=smoothing)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[config.optimizer.kind]
        self._optimizer_class = kind
        self.rate = config.optimizer.lr
        self.decay = getattr(config.optimizer, "weight_decay", 0.0)

    def optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer, with torch's defaults for everything that the preset leaves out."""
        return self._optimizer_class(self.model.parameters(), lr=self.rate, weight_decay=self.decay)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        if self.language:
            outputs, targets = outputs.flatten(0, 1), targets.flatten()
        return self.criterion(outputs, targets)


def bare(parts: PlainTorch, count: Counter) -> None:
    """Train like a tutorial: without recording, validation, schedule or checkpoints."""
    model, optimizer, x, y = parts.model, parts.optimizer(), parts.inputs, parts.targets
    model.train()
    while True:
        order = torch.randperm(len(x))
        for start in range(0, len(x), parts.batch_size):
            batch = order[start : start + parts.batch_size]
            optimizer.zero_grad()
            loss = parts.loss(model(x[batch]), y[batch])
            loss.backward()
            if parts.clip:
                nn.utils.clip_grad_norm_(model.parameters(), parts.clip)
            optimizer.step()
            count()


def lightning(parts: PlainTorch, count: Counter, display: str = "own") -> None:
    """Train with Lightning, its rich progress bar and its CSV logger; the loss is logged each step."""
    import pytorch_lightning as L
    from pytorch_lightning.callbacks import RichProgressBar
    from pytorch_lightning.loggers import CSVLogger
    from torch.utils.data import DataLoader, TensorDataset

    callbacks: list[Any] = [RichProgressBar()] if display == "own" else []
    if display == "monitor":
        from tui_trainer.integrations.lightning import MonitorCallback

        callbacks = [MonitorCallback("benchmark", quiet=True)]

    class Module(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = parts.model

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            loss = parts.loss(self.model(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=True, prog_bar=True)
            count()
            return loss

        def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
            self.log("val_loss", parts.loss(self.model(batch[0]), batch[1]), prog_bar=True)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return parts.optimizer()

    train = DataLoader(TensorDataset(parts.inputs, parts.targets), parts.batch_size, shuffle=True)
    validation = DataLoader(TensorDataset(parts.validation.inputs, parts.validation.targets), 1024)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=100_000,
        callbacks=callbacks,
        logger=CSVLogger(".") if display == "own" else False,
        enable_progress_bar=display == "own",
        enable_checkpointing=display == "own",
        enable_model_summary=False,
        gradient_clip_val=parts.clip or None,
    )
    trainer.fit(Module(), train, validation)


def transformers(parts: PlainTorch, count: Counter, display: str = "own") -> None:
    """Train with Hugging Face's Trainer: progress bar, a log line every ten steps, validation each epoch."""
    from torch.utils.data import Dataset
    from transformers import PrinterCallback, Trainer, TrainingArguments

    callbacks: list[Any] = []
    if display == "monitor":
        from tui_trainer.integrations.transformers import MonitorCallback

        callbacks = [MonitorCallback("benchmark", quiet=True)]

    class Rows(Dataset[dict[str, torch.Tensor]]):
        def __init__(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
            self._inputs, self._targets = inputs, targets

        def __len__(self) -> int:
            return len(self._inputs)

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            return {"inputs": self._inputs[index], "labels": self._targets[index]}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = parts.model

        def forward(self, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            outputs = self.model(inputs)
            if self.training:
                count()
            return {"loss": parts.loss(outputs, labels), "logits": outputs}

    settings = TrainingArguments(
        output_dir="hf",
        use_cpu=True,
        num_train_epochs=100_000,
        per_device_train_batch_size=parts.batch_size,
        per_device_eval_batch_size=1024,
        learning_rate=parts.rate,
        optim="adamw_torch",
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="steps" if display == "own" else "no",
        logging_steps=10,
        disable_tqdm=display != "own",
        report_to=[],
        max_grad_norm=parts.clip,
    )
    trainer = Trainer(
        model=Model(),
        args=settings,
        train_dataset=Rows(parts.inputs, parts.targets),
        eval_dataset=Rows(parts.validation.inputs, parts.validation.targets),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


def keras(parts: PlainTorch, count: Counter, display: str = "own") -> None:
    """Train with Keras on torch, its progress bar and its CSV logger, on the same layers."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras as K
    import numpy as np

    class Count(K.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            count()

    callbacks: list[Any] = [Count()]
    if display == "own":
        callbacks.append(K.callbacks.CSVLogger("keras.csv"))
    elif display == "monitor":
        from tui_trainer.integrations.keras import MonitorCallback

        callbacks.append(MonitorCallback("benchmark", quiet=True))
    layers: list[Any] = []
    images = parts.inputs.dim() == 4
    for module in parts.model:
        if isinstance(module, nn.Conv2d):
            layers.append(K.layers.Conv2D(module.out_channels, 3, padding="same", use_bias=module.bias is not None))
        elif isinstance(module, nn.BatchNorm2d):
            layers.append(K.layers.BatchNormalization())
        elif isinstance(module, nn.ReLU):
            layers.append(K.layers.ReLU())
        elif isinstance(module, nn.MaxPool2d):
            layers.append(K.layers.MaxPooling2D(2))
        elif isinstance(module, nn.Flatten):
            layers.append(K.layers.Flatten())
        elif isinstance(module, nn.Dropout):
            layers.append(K.layers.Dropout(module.p))
        elif isinstance(module, nn.Linear):
            layers.append(K.layers.Dense(module.out_features))
    model = K.Sequential(layers)
    model.compile(
        optimizer=K.optimizers.Adam(parts.rate), loss=K.losses.SparseCategoricalCrossentropy(from_logits=True)
    )

    def channels_last(inputs: torch.Tensor) -> Any:
        return np.ascontiguousarray(inputs.permute(0, 2, 3, 1).numpy()) if images else inputs.numpy()

    model.fit(
        channels_last(parts.inputs),
        parts.targets.numpy(),
        batch_size=parts.batch_size,
        epochs=100_000,
        validation_data=(channels_last(parts.validation.inputs), parts.validation.targets.numpy()),
        callbacks=callbacks,
        verbose=1 if display == "own" else 0,
    )


def accelerate(parts: PlainTorch, count: Counter, display: str = "own") -> None:
    """Train a loop with accelerate, its tqdm bar and its TensorBoard tracker; the loss is logged each step."""
    from accelerate import Accelerator
    from accelerate.utils import tqdm
    from torch.utils.data import DataLoader, TensorDataset

    from tui_trainer.integrations.accelerate import MonitorTracker

    tracker = MonitorTracker("benchmark", quiet=True, enabled=display == "monitor")
    log_with: Any = {"own": "tensorboard", "monitor": tracker, "none": None}[display]
    accelerator = Accelerator(cpu=True, log_with=log_with, project_dir=".")
    loader: Any = DataLoader(TensorDataset(parts.inputs, parts.targets), parts.batch_size, shuffle=True)
    model, optimizer, loader = accelerator.prepare(parts.model, parts.optimizer(), loader)
    if display == "monitor":
        tracker.watch(model=model, optimizer=optimizer, epochs=100_000, steps_per_epoch=len(loader))
    accelerator.init_trackers("benchmark")
    while True:
        for x, y in tqdm(loader, disable=display != "own"):
            optimizer.zero_grad()
            loss = parts.loss(model(x), y)
            accelerator.backward(loss)
            optimizer.step()
            if display != "none":
                accelerator.log({"loss": loss.detach()}, step=count.steps)
            if display == "monitor" and tracker.should_stop:
                return
            count()


KINDS: dict[str, Callable[..., None]] = {
    "bare": bare,
    "lightning": lightning,
    "transformers": transformers,
    "keras": keras,
    "accelerate": accelerate,
}

if __name__ == "__main__":
    kind, preset, path, threads = sys.argv[1:5]
    parts = PlainTorch(preset)
    torch.set_num_threads(int(threads))
    kind, _, display = kind.partition(":")
    KINDS[kind](parts, Counter(Path(path)), *([display] if display else []))
