"""A loop with DDP, started by torchrun: `torchrun_loop.py RUNS OUT WHAT [RUN]` writes its steps to OUT-N.json.

WHAT is a plan of commands, or a way in which a rank is lost.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from tui_trainer import Monitor
from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.protocol import commands as cmd

RUNS, OUT, WHAT = sys.argv[1:4]
RESUME = sys.argv[4] if len(sys.argv) > 4 else False
GUARDS = ["when grad_norm is not finite: skip the step", "when step >= 30: lr = 0.01, at most 1 time"]
PLAN: dict[int, cmd.AnyCommand] = {
    5: cmd.SetLearningRate(value=0.02, id="rate"),
    10: cmd.SetScheduler(scheduler=Constant(), base=0.01, id="schedule"),
    15: cmd.SaveCheckpoint(name="mine", id="save"),
    20: cmd.Pause(id="pause"),
    25: cmd.SetKnob(name="factor", value=0.5, id="knob"),
    30: cmd.RollBack(to="mine", id="back"),
    35: cmd.SetClip(value=0.1, id="clip"),
    40: cmd.Undo(id="undo"),
    45: cmd.Stop(id="stop"),
}


def steer(monitor: Monitor, over: threading.Event) -> None:
    """Send the plan, and let a pause take one more step before it ends."""
    run: Any = monitor._run
    for step, command in PLAN.items():
        while run.state.step < step and not over.is_set():
            time.sleep(0.001)
        run.submit(command)
        if isinstance(command, cmd.Pause):
            while not run.state.paused:
                time.sleep(0.001)
            at = run.state.step
            run.submit(cmd.StepOnce(id="step"))
            while run.state.step < at + 1 or run.inside is False:
                time.sleep(0.001)
            run.submit(cmd.Resume(id="resume"))


def main() -> None:
    """Train."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999)
    inputs = torch.randn(320, 4, generator=torch.Generator().manual_seed(1))
    data = TensorDataset(inputs, inputs.sum(1, keepdim=True))
    sampler = DistributedSampler(data)
    loader = DataLoader(data, 8, sampler=sampler)
    torch.manual_seed(10 + rank)
    factor, over, seen = [1.0], threading.Event(), []
    count = 3 if WHAT in ("whole", "half", "guards") else 1000
    with Monitor(
        "torchrun", model=model, optimizer=optimizer, scheduler=schedule, runs_dir=RUNS, quiet=True, save="epoch",
        resume=RESUME, guards=GUARDS if WHAT == "guards" else (),
    ) as monitor:  # fmt: skip
        monitor.knob("factor", get=lambda: factor[0], set=lambda value: factor.__setitem__(0, value))
        if rank == 0 and WHAT == "plan":
            threading.Thread(target=steer, args=(monitor, over), daemon=True).start()
        for epoch in monitor.epochs(count):
            if WHAT == "half" and epoch == 2:
                break
            sampler.set_epoch(epoch)
            for x, y in monitor.batches(loader):
                loss = nn.functional.mse_loss(wrapped(x), y) * factor[0]
                if WHAT == "guards" and rank == 1 and monitor.step_count == 11:
                    loss = loss * float("nan")
                optimizer.zero_grad()
                loss.backward()
                monitor.clip(model.parameters())
                optimizer.step()
                schedule.step()
                monitor.log(loss=loss, weight=len(x))
                weight = float(model[0].weight.detach().double().sum())
                seen.append([monitor.step_count, optimizer.param_groups[0]["lr"], weight, factor[0], loss.item()])
                if WHAT == "plan":
                    time.sleep(0.01)  # a step of some length: several beats within the plan
                lose(rank, len(seen))
        over.set()
    Path(f"{OUT}-{rank}.json").write_text(json.dumps({"seen": seen, "saved": os.listdir(Path(RUNS))}))
    dist.destroy_process_group()


def lose(rank: int, step: int) -> None:
    """Lose a rank after some steps."""
    if step == 30 and WHAT == "kill" and rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if step == 30 and WHAT == "fail" and rank == 1:
        raise ValueError("no more")
    if step == 30 and WHAT == "kill0" and rank == 0:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
