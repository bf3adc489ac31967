"""Real loops with a monitor: two optimizers, accumulation with a scaler, reinforcement learning, no epochs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.monitor.conftest import Script, send
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.journal import Follower
from tui_trainer.state.run_state import RunState


def folded(script: Script) -> RunState:
    state = RunState(run="run")
    state.apply(*Follower(script.path / "events.jsonl").all())
    return state


def test_a_gan_with_two_optimizers(script: Script) -> None:
    generator, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    optimizers = {
        "G": torch.optim.Adam(generator.parameters(), lr=0.01),
        "D": torch.optim.Adam(critic.parameters(), lr=0.02),
    }
    with script.monitor(model={"G": generator, "D": critic}, optimizer=optimizers) as monitor:
        for _ in monitor.epochs(2):
            for real, _ in monitor.batches(script.loader):
                for _ in range(2):  # the critic takes two steps for one of the generator
                    fake = generator(torch.randn(8, 2)).detach()
                    loss_d = critic(fake).mean() - critic(real[:, :2]).mean()
                    optimizers["D"].zero_grad()
                    loss_d.backward()
                    optimizers["D"].step()
                    monitor.log({"loss/D": loss_d})
                loss_g = -critic(generator(torch.randn(8, 2))).mean()
                optimizers["G"].zero_grad()
                loss_g.backward()
                optimizers["G"].step()
                monitor.log({"loss/G": loss_g})
                if monitor.step_count == 4:
                    send(monitor, cmd.SetLearningRate(factor=0.5))
                    send(monitor, cmd.SaveCheckpoint(name="both"))
    assert set(script.series("loss/D")) == set(script.series("loss/G")) == set(range(1, 11))
    assert script.series("lr/G")[4] == 0.01
    assert script.series("lr/G")[5] == pytest.approx(0.005)
    assert script.series("lr/D")[5] == pytest.approx(0.01)
    assert optimizers["D"].param_groups[0]["lr"] == pytest.approx(0.01)
    state = folded(script)
    assert (state.step, state.epoch, state.status) == (10, 2, "finished")
    assert state.started is not None
    assert state.started.steps_per_epoch == 5
    assert "both" in state.checkpoints


class _Overflowing(torch.amp.GradScaler):
    """A scaler that finds an infinite gradient at its third step, and skips it."""

    def __init__(self) -> None:
        super().__init__("cpu", init_scale=4.0)
        self.calls = 0

    def unscale_(self, optimizer: torch.optim.Optimizer) -> None:
        self.calls += 1
        if self.calls == 3:
            for parameter in optimizer.param_groups[0]["params"]:
                parameter.grad.fill_(torch.inf)
        super().unscale_(optimizer)


def test_accumulation_with_a_scaler_that_skips_a_step(script: Script) -> None:
    scaler = _Overflowing()
    with script.monitor() as monitor:
        monitor.keep(scaler=scaler)
        for number, (inputs, targets) in enumerate(monitor.batches(script.loader * 4), start=1):
            loss = nn.functional.mse_loss(script.model(inputs), targets)
            scaler.scale(loss / 2).backward()
            monitor.log(loss=loss)
            if number % 2 == 0:
                scaler.unscale_(script.optimizer)
                monitor.clip(script.model.parameters(), 10.0)
                scaler.step(script.optimizer)
                scaler.update()
                script.optimizer.zero_grad()
            if number == 4:
                send(monitor, cmd.SetClip(value=0.5))
    assert scaler.calls == 10
    finished = script.events("RunFinished")[0]
    assert finished["step"] == 9, "a step that the scaler skips is none"
    assert len(script.series("train_loss")) == 9
    assert script.events("SettingChanged")[0]["previous"] == 10.0
    assert scaler.get_scale() == 2.0


def test_reinforcement_learning_without_epochs(script: Script) -> None:
    policy = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.01)

    class Agent:
        entropy = 0.01

    agent = Agent()
    with script.monitor(model=policy, optimizer=optimizer) as monitor:
        monitor.knob("entropy", agent, "entropy", low=1e-4, high=1, scale="log")
        episode = 0
        while True:
            episode += 1
            distribution = torch.distributions.Categorical(logits=policy(torch.randn(16, 3)))
            reward = torch.randn(16)
            loss = -(distribution.log_prob(distribution.sample()) * reward).mean()
            loss = loss - agent.entropy * distribution.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if episode == 3:
                send(monitor, cmd.SetKnob(name="entropy", value=0.1))
            if episode == 10:
                send(monitor, cmd.Stop(when="epoch"))  # without epochs there is no end of one to wait for
            if not monitor.step({"reward/mean": reward.mean()}, loss=loss, axis={"episodes": 16}):
                break
    assert episode == 10
    assert agent.entropy == 0.1
    assert script.series("axis/episodes")[10] == 160.0
    state = folded(script)
    assert (state.step, state.reason, state.knobs) == (10, "stopped", {"entropy": 0.1})
    assert script.events("RunFinished")[0]["detail"].endswith("at step 10")
    assert state.series["reward/mean"].last is not None


def test_a_thousand_batches_flush_and_fold(script: Script) -> None:
    with script.monitor() as monitor:
        for step in monitor.steps(1000):
            script.step(script.inputs[:8], script.targets[:8])
            monitor.log(loss=float(step), a=1.0)
    losses = script.series("train_loss")
    assert losses == {step: float(step - 1) for step in range(1, 1001)}
    state = folded(script)
    assert state.total_steps == 1000
    assert state.series["train_loss"].last == 999.0
