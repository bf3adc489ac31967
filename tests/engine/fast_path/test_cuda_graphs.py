"""CUDA graphs: the batches they are used for, the state after recording, and the reason when they are not possible.

No graph is recorded here. A stand-in for `torch.cuda.make_graphed_callables` runs the passes and replaces the forward
of the module, as the original does.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.diagnosis.reducer import COSINE
from tui_trainer.engine.fast_path import cuda_graphs
from tui_trainer.protocol import events as ev


class Recording:
    """Runs a module as recording does, and counts replays."""

    def __init__(self, error: Exception | None = None) -> None:
        self.replayed = 0
        self.shape: tuple[int, ...] = ()
        self._error = error

    def __call__(self, module: nn.Module, samples: tuple[Tensor]) -> None:
        (sample,) = samples
        self.shape = tuple(sample.shape)
        original = module.forward
        for _ in range(3):
            original(sample).sum().backward()
        if self._error is not None:
            raise self._error

        def replay(inputs: Tensor) -> Tensor:
            assert inputs.shape == sample.shape, "a graph knows one shape"
            self.replayed += 1
            return original(inputs)

        module.forward = replay  # type: ignore[method-assign]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_a_graph_is_for_training_batches_of_its_shape():
    model, recording = network(), Recording()
    graphed = cuda_graphs.GraphedModel(model, torch.randn(8, 3), recording)
    model.train()
    batch = torch.randn(8, 3)
    with torch.no_grad():
        assert torch.equal(graphed(batch), model(batch))
    assert recording.replayed == 1
    graphed(torch.randn(5, 3))  # the last of an epoch
    model.eval()
    assert torch.equal(graphed(batch), model(batch))
    assert recording.replayed == 1


def test_recording_leaves_nothing_behind():
    model = network().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    cuda_graphs.GraphedModel(model, torch.randn(8, 3), Recording())
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_what_cannot_be_recorded_runs_as_it_is(monkeypatch: pytest.MonkeyPatch):
    model, said = network(), []
    recording = Recording(RuntimeError("operation not permitted when stream is capturing\nmore"))
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recording)
    assert cuda_graphs.graph_model(model, torch.randn(8, 3), said.append) is model
    assert said == [
        "training.cuda_graphs: the model runs without graphs: RuntimeError: operation not permitted when stream is "
        "capturing"
    ]


@pytest.mark.parametrize(
    ("device", "compiled", "words"),
    [("cpu", False, "need a CUDA device, and this is cpu"), ("cuda", True, "training.compile"), ("cuda", False, "")],
)
def test_where_they_cannot_be_there_is_a_reason(device: str, compiled: bool, words: str):
    reason = cuda_graphs.unsupported_reason(torch.device(device), compiled=compiled)
    assert words in reason
    assert bool(reason) == bool(words)


def losses(bench: TrainerHarness) -> list[Any]:
    return [
        loss for event in bench.events if isinstance(event, ev.Scalars) for loss in event.values.get("train_loss", [])
    ]


def test_a_run_says_why_it_goes_without_and_trains_the_same():
    with_graphs, without = TrainerHarness(tiny_config(training={"cuda_graphs": True})), TrainerHarness(tiny_config())
    for bench in (with_graphs, without):
        for _ in bench.trainer.run():
            pass
    said = [line for event in with_graphs.events if isinstance(event, ev.Logged) for line in event.lines]
    assert said == [
        "training.cuda_graphs: the model runs without graphs: CUDA graphs need a CUDA device, and this is cpu"
    ]
    assert losses(with_graphs) == losses(without) != []


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_a_run_over_graphs_trains_the_same(monkeypatch: pytest.MonkeyPatch, optimizer: str):
    recording = Recording()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recording)
    monkeypatch.setattr(cuda_graphs, "unsupported_reason", lambda device, compiled: "")
    tables: dict[str, Any] = {"data": {"samples": 118}, "optimizer": {"kind": optimizer, "lr": 0.1}}
    graphed = TrainerHarness(tiny_config(**tables, training={"cuda_graphs": True}))
    plain = TrainerHarness(tiny_config(**tables))
    for bench in (graphed, plain):
        for _ in bench.trainer.run():
            pass
    assert losses(graphed) == losses(plain) != []
    whole, rest = divmod(len(graphed.trainer.services.setup.data.train), 20)
    assert rest, "the last batch of an epoch is a smaller one"
    # One that measures curvature differentiates twice, which a graph does not do.
    assert recording.replayed == (whole * 4 if optimizer == "sgd" else 0)
    assert recording.shape == (20, 2)


def capture_with_static_tensors(module: nn.Module, samples: tuple[Tensor]) -> None:
    """Replace the passes by ones that overwrite the sample, one set of outputs and gradients, as torch's graphs do."""
    original, parameters = module.forward, list(module.parameters())
    with torch.no_grad():
        outputs = original(samples[0]).clone()
    gradients = [torch.zeros_like(parameter) for parameter in parameters]

    class Replay(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, inputs: Tensor, *_: Tensor) -> Tensor:
            ctx.inputs = inputs.detach().clone()
            with torch.no_grad():
                samples[0].copy_(inputs)
                outputs.copy_(original(samples[0]))
            return outputs.detach()

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            with torch.enable_grad():
                new = torch.autograd.grad(original(ctx.inputs), parameters, grads)
            for gradient, value in zip(gradients, new, strict=True):
                gradient.copy_(value)
            return (None, *(gradient.detach() for gradient in gradients))

    module.forward = lambda inputs: Replay.apply(inputs, *parameters)  # type: ignore[method-assign]


def test_outputs_and_gradients_that_a_graph_overwrites_are_measured_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture_with_static_tensors)
    monkeypatch.setattr(cuda_graphs, "unsupported_reason", lambda device, compiled: "")
    data = {"samples": 500, "batch_size": 20}
    graphed, plain = (
        TrainerHarness(tiny_config(data=data, training={"cuda_graphs": graphs, "probe_every": 8}))
        for graphs in (True, False)
    )
    before = graphed.trainer.services.setup.data.train.inputs.clone()
    for bench in (graphed, plain):
        bench.finish()
    assert torch.equal(graphed.trainer.services.setup.data.train.inputs, before), "the graphs read from a copy"
    assert losses(graphed) == losses(plain) != []
    assert graphed.column(COSINE) == plain.column(COSINE)
    assert [end.metrics for end in graphed.of(ev.EpochEnded)] == [end.metrics for end in plain.of(ev.EpochEnded)]


def test_the_switch_turns_graphs_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture_with_static_tensors)
    monkeypatch.setattr(cuda_graphs, "unsupported_reason", lambda device, compiled: "")
    bench = TrainerHarness(tiny_config(training={"cuda_graphs": True, "fast_path": "off"}))
    assert bench.of(ev.Logged)[0].lines == [
        "training.cuda_graphs: the model runs without graphs: training.fast_path is off"
    ]
