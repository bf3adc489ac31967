"""A training in several processes: `two_ranks.py LIBRARY DIRECTORY` writes the rates of its steps to a file."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tui_trainer.protocol import commands as cmd

warnings.simplefilter("ignore")
RANK = int(os.environ["RANK"])
PLAN = {
    2: [cmd.Pause(), cmd.Resume()],
    3: [cmd.SetLearningRate(value=0.01)],
    5: [cmd.RollBack(to="best")],
    8: [cmd.Stop(when="batch")],
}
RATES: list[float] = []
INPUTS = torch.randn(256, 4, generator=torch.Generator().manual_seed(1))
TARGETS = INPUTS.sum(1, keepdim=True)


def step(callback: Any, optimizer: Any) -> None:
    """Note the rate of a step; the first process sends the commands of the plan."""
    RATES.append(optimizer.param_groups[0]["lr"])
    for command in PLAN.get(len(RATES), ()) if RANK == 0 else ():
        callback.monitor._run.submit(command)


def accelerate(runs: Path) -> None:
    """Train a loop with accelerate."""
    from accelerate import Accelerator

    from tui_trainer.integrations.accelerate import MonitorTracker

    tracker = MonitorTracker("ranks", runs_dir=runs, quiet=True)
    accelerator = Accelerator(cpu=True, log_with=tracker)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(INPUTS, TARGETS), 8)
    model, prepared, loader = accelerator.prepare(model, optimizer, loader)
    tracker.watch(model=model, optimizer=prepared, scheduler=schedule, epochs=1, steps_per_epoch=16)
    accelerator.init_trackers("ranks")
    for inputs, targets in loader:
        if tracker.should_stop:
            break
        step(tracker, optimizer)
        accelerator.backward(nn.functional.mse_loss(model(inputs), targets))
        prepared.step()
        schedule.step()
        prepared.zero_grad()
        accelerator.log({"loss": 1.0})
    accelerator.end_training()


def transformers(runs: Path) -> None:
    """Train with the Trainer of transformers."""
    from transformers import Trainer, TrainingArguments

    from tui_trainer.integrations.transformers import MonitorCallback

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            step(callback, trainer.optimizer)
            return {"loss": nn.functional.mse_loss(self.layer(x), labels)}

    callback = MonitorCallback("ranks", runs_dir=runs, quiet=True)
    rows = [{"x": x, "labels": y} for x, y in zip(INPUTS, TARGETS, strict=True)]
    arguments = TrainingArguments(
        output_dir=str(runs), num_train_epochs=1, per_device_train_batch_size=8, use_cpu=True, learning_rate=0.1,
        report_to=[], save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(model=Model(), args=arguments, train_dataset=rows, callbacks=[callback])
    trainer.train()


def lightning(runs: Path) -> None:
    """Train with Lightning."""
    import pytorch_lightning as lightning

    from tui_trainer.integrations.lightning import MonitorCallback

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 1)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            step(callback, self.trainer.optimizers[0])
            return nn.functional.mse_loss(self.layer(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
            return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    callback = MonitorCallback("ranks", runs_dir=runs, quiet=True)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(INPUTS, TARGETS), 8)
    lightning.Trainer(
        max_epochs=1, callbacks=[callback], accelerator="cpu", devices=int(os.environ["WORLD_SIZE"]), strategy="ddp",
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
    ).fit(Module(), loader)  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"accelerate": accelerate, "transformers": transformers, "lightning": lightning}[sys.argv[1]](Path(sys.argv[2]))
    (Path(sys.argv[2]) / f"rates-{RANK}.json").write_text(json.dumps(RATES))
