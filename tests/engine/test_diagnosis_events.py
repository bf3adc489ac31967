"""Probes and findings of real runs: what is measured, that nothing is disturbed, and the lecture's sick runs."""

from __future__ import annotations

import math

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components import losses
from tui_trainer.config.run_config import RunConfig
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.engine.evaluation.baselines import baseline_losses
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event

PROBED = ("step_quality", "update_ratio", "gradient_cosine", "train_loss")


def digits(lr: float, epochs: int, *, seed: int = 0, noise: float = 0.0, **tables) -> RunConfig:
    """The lecture's digits, 70/15/15, one hidden layer of 64 units; with label noise 32 units and small batches."""
    table = {
        "data": {
            "kind": "digits", "batch_size": 16 if noise else 32, "validation": 0.15, "test": 0.15, "clip": 5.0,
            "label_noise": noise,
        },
        "model": {"kind": "mlp", "hidden": [32] if noise else [64]},
        "optimizer": {"kind": "sgd", "lr": lr},
        "training": {"epochs": epochs, "device": "cpu", "threads": 1, "seed": seed},
        "early_stopping": {"enabled": False},
    }  # fmt: skip
    return RunConfig.model_validate({name: {**values, **tables.get(name, {})} for name, values in table.items()})


def found(bench: TrainerHarness) -> list[tuple[str, int]]:
    """(finding, epoch) of what was found, in the order in which it was."""
    return [(said.finding, said.epoch) for said in bench.of(ev.Diagnosed) if said.active and not said.again]


# -- the lecture's runs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_very_high_rate_diverges_within_five_epochs(seed: int):
    bench = TrainerHarness(digits(3.0, 5, seed=seed))
    bench.finish()
    epochs = dict(found(bench))
    assert epochs["DIVERGE"] <= 5
    if bench.of(ev.RunFinished)[0].reason == "not-finite":
        broken = next(said for said in bench.of(ev.Diagnosed) if said.finding == "NAN")
        assert f"step {bench.trainer.state.step}" in broken.evidence or "gradient" in broken.evidence
        assert [action.action for action in broken.actions] == ["anew"]
        assert math.isfinite(broken.numbers["loss -1"])


@pytest.mark.parametrize("seed", range(3))
def test_a_low_rate_is_found_by_epoch_four(seed: int):
    bench = TrainerHarness(digits(1e-3, 4, seed=seed))
    bench.finish()
    assert dict(found(bench))["LR_LOW"] <= 4


@pytest.mark.parametrize("seed", range(3))
def test_a_high_rate_on_noisy_labels_is_found_and_the_staircase_is_named(seed: int):
    bench = TrainerHarness(digits(1.0, 15, seed=seed, noise=0.3))
    bench.finish()
    said = next(said for said in bench.of(ev.Diagnosed) if said.finding == "LR_HIGH")
    assert "staircase" in said.advice
    assert [(action.action, action.value) for action in said.actions] == [("rate", "/10"), ("schedule", "staircase")]


@pytest.mark.parametrize("lr", [0.1, 0.3])
def test_a_run_with_a_good_rate_raises_nothing(lr: float):
    bench = TrainerHarness(digits(lr, 25))
    bench.finish()
    assert found(bench) == []


def test_too_few_epochs_are_said_at_the_end_with_the_gain_that_is_left():
    bench = TrainerHarness(digits(0.01, 5))
    bench.finish()
    said = bench.of(ev.Diagnosed)[-1]
    assert said.finding == "STOPPED_TOO_SOON"
    assert said.numbers["projected"] < 0.8 * said.numbers["loss"]
    assert type(bench.events[-1]) is ev.RunFinished


def test_a_run_that_is_over_can_be_made_longer_as_its_advice_says():
    config = digits(0.01, 4)
    short = TrainerHarness(config)
    short.finish()
    said = short.of(ev.Diagnosed)[-1]
    assert (said.finding, said.epoch) == ("STOPPED_TOO_SOON", 4)
    longer = TrainerHarness(config)
    longer.load_state_dict(parse(bytearray(serialise(short.state_dict())), "x"))
    longer.control.put(cmd.SetEpochs(value=6))
    longer.finish()
    assert [event.epoch for event in longer.of(ev.EpochEnded)] == [5, 6]


def test_a_sign_layer_and_a_zero_start_have_no_gradient():
    sign = TrainerHarness(digits(0.1, 1, model={"hidden": [32, 32], "activation": "sign"}))
    sign.finish()
    assert found(sign) == [("NOGRAD", 1)]
    zero = TrainerHarness(digits(0.1, 1, model={"hidden": [32, 32], "init": "zeros"}))
    zero.finish()
    assert dict(found(zero))["NOGRAD"] == 1


def test_a_deep_sigmoid_vanishes_and_a_loud_start_explodes():
    deep = TrainerHarness(digits(0.1, 1, model={"hidden": [32] * 5, "activation": "sigmoid", "init": "xavier-uniform"}))
    deep.finish()
    assert dict(found(deep))["VANISH"] == 1
    loud = TrainerHarness(digits(0.001, 1, model={"hidden": [64] * 4, "init": {"kind": "normal", "std": 1.0}}))
    loud.finish()
    assert "EXPLODE" in dict(found(loud))
    explosion = next(said for said in loud.of(ev.Diagnosed) if said.finding == "EXPLODE")
    assert {action.action for action in explosion.actions} == {"anew"}


def test_data_that_hold_no_number_are_named_and_the_rate_is_not():
    bench = TrainerHarness(tiny_config(training={"epochs": 2}))
    bench.steps(3)
    bench.trainer.services.setup.data.train.inputs[:] = math.nan
    bench.trainer.services.setup.batches.split.inputs[:] = math.nan
    bench.finish()
    said = next(said for said in bench.of(ev.Diagnosed) if said.finding == "NAN")
    assert "data" in said.advice
    assert [action.action for action in said.actions] == [""]
    assert "DIVERGE" not in dict(found(bench))


# -- the probes ------------------------------------------------------------------------------------------------------


def test_a_probe_equals_what_is_computed_by_hand():
    bench = TrainerHarness(tiny_config(training={"probe_every": 1, "epochs": 1, "clip_grad_norm": 0.05}))
    trainer = bench.trainer
    setup = trainer.services.setup
    inputs, targets = next(iter(setup.batches.epoch(0)))
    second = list(setup.batches.epoch(0))[1]

    def at(batch) -> tuple[float, torch.Tensor]:
        loss = setup.objective(setup.model(batch[0]), batch[1])
        gradient = torch.autograd.grad(loss, setup.parameters)
        return loss.item(), torch.cat([part.flatten() for part in gradient])

    def weights() -> torch.Tensor:
        return torch.cat([parameter.detach().flatten() for parameter in setup.parameters])

    old, (loss, gradient) = weights(), at((inputs, targets))
    bench.steps(1)
    moved = weights() - old
    quality = (loss - at((inputs, targets))[0]) / -gradient.dot(moved).item()
    cosine = torch.cosine_similarity(gradient, at(second)[1], dim=0).item()
    bench.steps(1)
    bench.flush()
    assert bench.column("step_quality")[1] == pytest.approx(quality, rel=1e-2)
    assert bench.column("update_ratio")[1] == pytest.approx((moved.norm() / old.norm()).item(), rel=1e-4)
    assert bench.column("gradient_cosine")[1] is None
    assert bench.column("gradient_cosine")[2] == pytest.approx(cosine, abs=1e-4)


@pytest.mark.parametrize("model", [{"kind": "mlp", "hidden": [16, 16], "dropout": 0.4}, {"kind": "cnn"}])
def test_a_run_that_is_probed_is_bit_for_bit_the_run_that_is_not(model: dict):
    def trained(every: int) -> TrainerHarness:
        table = digits(0.05, 1).model_dump(mode="json", exclude_none=True)
        table["model"] = model
        table["training"] |= {"probe_every": every}
        table["data"]["batch_size"] = 64
        bench = TrainerHarness(RunConfig.model_validate(table))
        bench.finish()
        return bench

    probed, quiet = trained(3), trained(0)
    assert len(probed.column("step_quality")) > 5
    assert not quiet.column("step_quality")
    assert probed.column("train_loss") == quiet.column("train_loss")
    old, new = (bench.trainer.services.setup.model.state_dict() for bench in (quiet, probed))
    assert all(torch.equal(old[name], new[name]) for name in old)
    assert [event.metrics for event in probed.of(ev.EpochEnded)] == [event.metrics for event in quiet.of(ev.EpochEnded)]


@pytest.mark.parametrize("cut", [4, 7, 10, 11])
def test_a_resumed_run_probes_and_finds_what_the_whole_one_does(cut: int):
    config = tiny_config(
        model={"hidden": [8, 8], "dropout": 0.2},
        training={"probe_every": 4, "epochs": 8},
        optimizer={"kind": "sgd", "lr": 1e-4},
    )
    whole, first = TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    first.steps(cut)
    first.flush()
    data = bytearray(serialise(first.state_dict()))
    second = TrainerHarness(config)
    second.load_state_dict(parse(data, "x"))
    second.finish()
    for name in PROBED:
        assert first.column(name) | second.column(name) == whole.column(name)
    assert second.trainer.services.diagnosis.course == whole.trainer.services.diagnosis.course
    assert found(first) + found(second) == found(whole) != []


def test_an_undo_takes_the_diagnosis_back_with_the_run():
    config = tiny_config(training={"probe_every": 4, "epochs": 8})
    plain, bench = TrainerHarness(config), TrainerHarness(config)
    plain.finish()
    bench.steps(12)
    bench.control.put(cmd.SetLearningRate(value=30.0, id="up"))
    bench.steps(12)
    assert "DIVERGE" in bench.state.findings
    assert bench.state.findings["DIVERGE"].active
    blown = bench.state.findings["DIVERGE"]
    assert blown.likely_cause == "You set the rate to 30 (x300) at step 12; everything since follows from it."
    assert (blown.cause_step, blown.cause_id, blown.actions[0].action) == (12, "up", "undo")
    assert blown.since_step == 12
    bench.control.put(cmd.Undo(id="back"))
    bench.finish()
    assert not bench.state.findings["DIVERGE"].active
    assert bench.trainer.services.diagnosis.course == plain.trainer.services.diagnosis.course
    for name in PROBED:
        assert bench.column(name) == plain.column(name) or name == "train_loss"


@pytest.mark.parametrize("config", [digits(1.0, 8, noise=0.3), digits(3.0, 3), digits(1e-3, 5)])
def test_the_journal_is_diagnosed_as_the_run_was(config: RunConfig):
    bench = TrainerHarness(config)
    bench.finish()
    observer = DiagnosisMonitor()
    again = [said for event in bench.events for said in observer.take(decode_event(encode_event(event)))]
    unstamped = [said.model_copy(update={"seq": 0, "run": ""}) for said in bench.of(ev.Diagnosed)]
    assert again == unstamped
    assert observer.course.history == bench.trainer.services.diagnosis.course.history


def test_what_comes_out_of_the_hidden_layers_is_measured_over_the_validation_split():
    bench = TrainerHarness(tiny_config(training={"epochs": 1}, model={"hidden": [8, 6]}))
    bench.finish()
    setup = bench.trainer.services.setup
    measured = [event.layers for event in bench.of(ev.LayersMeasured) if "hidden1" in event.layers][-1]
    setup.model.eval()
    with torch.no_grad():
        hidden = torch.relu(setup.model.hidden1(setup.data.validation.inputs))
    assert measured["hidden1"].activation_std == pytest.approx(hidden.std(correction=0).item(), rel=1e-5)
    assert measured["hidden1"].dead == pytest.approx((hidden.amax(0) <= 0).float().mean().item())
    seen = bench.state.layers["hidden1"]
    assert seen.grad_norm is not None, "what is measured at a step and what after an epoch stand together"
    assert seen.activation_std == measured["hidden1"].activation_std


def test_adagrads_step_is_the_median_over_its_coordinates():
    bench = TrainerHarness(tiny_config(optimizer={"kind": "adagrad", "lr": 0.1}, training={"epochs": 1}))
    bench.finish()
    optimizer = bench.trainer.services.optimizer.torch_optimizer
    sums = torch.cat([state["sum"].flatten() for state in optimizer.state.values()])
    rates = 0.1 / (sums[sums > 0].sqrt() + 1e-10)
    assert next(iter(bench.column("effective_rate").values())) == pytest.approx(rates.median().item(), rel=1e-5)


# -- the levels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "head", "chance"),
    [
        (losses.CrossEntropy(), "identity", math.log(2)),
        (losses.CrossEntropy(label_smoothing=0.2), "identity", math.log(2)),
        (losses.NLL(), "softmax", math.log(2)),
        (losses.BCE(), "sigmoid", math.log(2)),
        (losses.BCEWithLogits(), "identity", math.log(2)),
        (losses.MSE(), "softmax", 0.25),
    ],
)
def test_chance_and_guessing_of_two_classes(loss, head: str, chance: float):
    config = tiny_config(
        data={"kind": "breast-cancer"}, loss=loss.model_dump(), model={"head": head}, training={"epochs": 1}
    )
    bench = TrainerHarness(config)
    started = bench.of(ev.RunStarted)[0]
    assert started.chance == pytest.approx(chance, rel=1e-5)
    setup = bench.trainer.services.setup
    outputs = loss.outputs(setup.data.shape)
    free = torch.zeros(outputs, requires_grad=True)
    squash = {"identity": lambda z: z, "softmax": lambda z: z.softmax(-1), "sigmoid": torch.sigmoid}[head]
    optimizer = torch.optim.LBFGS([free], line_search_fn="strong_wolfe", max_iter=100)
    targets = setup.data.train.targets

    def cost() -> torch.Tensor:
        optimizer.zero_grad()
        value = setup.objective(squash(free).expand(len(targets), outputs), targets)
        value.backward()
        return value

    optimizer.step(cost)
    assert started.guessing == pytest.approx(cost().item(), rel=1e-4)


def test_a_margin_is_no_guess_and_numbers_are_guessed_by_a_constant():
    margin = TrainerHarness(tiny_config(loss={"kind": "hinge"})).trainer
    setup = margin.services.setup
    assert baseline_losses(margin.config.loss, setup.objective, setup.data) == (
        None,
        None,
    )
    for loss in ({"kind": "mse"}, {"kind": "l1"}, {"kind": "huber", "delta": 0.5}):
        bench = TrainerHarness(tiny_config(data={"kind": "diabetes"}, loss=loss))
        setup = bench.trainer.services.setup
        targets = setup.data.train.targets
        tried = [setup.objective(torch.full_like(targets, at), targets).item() for at in torch.linspace(-1, 1, 801)]
        assert bench.of(ev.RunStarted)[0].guessing == pytest.approx(min(tried), rel=1e-3)
        assert bench.of(ev.RunStarted)[0].chance == bench.of(ev.RunStarted)[0].guessing


@pytest.mark.parametrize(
    ("loss", "head", "line"),
    [("cross-entropy", "identity", math.log(2)), ("mse", "softmax", 0.25), ("perceptron", "identity", None)],
)
def test_the_line_of_guessing_is_in_the_units_of_the_loss(loss: str, head: str, line: float | None):
    """Nats are no squares, and a margin knows no guess: a line there would be a wrong word on the chart."""
    config = tiny_config(loss={"kind": loss}, model={"head": head}, training={"epochs": 1})
    bench = TrainerHarness(config)
    found = bench.of(ev.RunStarted)[0].references
    assert found == ({} if line is None else {"guessing": pytest.approx(line, abs=2e-3)})
