"""What a run asks of its device, with stand-ins for CUDA: determinism, graphs on a second device, full memory."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.distributed import joining
from tui_trainer.engine import device, multi_run, setup
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is asked of torch's switches."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(
        torch, "use_deterministic_algorithms", lambda on, warn_only: found.update(on=on, warn=warn_only)
    )
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    return found


def test_cuda_repeats_exactly_and_the_cpu_is_left_alone(asked: dict[str, Any]) -> None:
    device.repeat_exactly(torch.device("cpu"))
    assert not asked
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    device.repeat_exactly(torch.device("cuda:1"))
    assert asked == {"on": True, "warn": True}
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"
    assert not torch.backends.cudnn.benchmark
    assert not torch.utils.deterministic.fill_uninitialized_memory


@pytest.mark.parametrize("wanted", [True, False])
def test_a_run_asks_for_determinism_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr(setup, "repeat_exactly", asked.append)
    TrainerHarness(tiny_config(training={"deterministic": wanted}))
    assert asked == [torch.device("cpu")] * wanted


@pytest.mark.parametrize(
    ("chosen", "processes", "devices", "backend"),
    [
        ("auto", 4, 4, "cpu:gloo,cuda:nccl"),
        ("cuda", 2, 1, "gloo"),  # NCCL refuses two processes on one GPU
        ("cpu", 4, 4, "gloo"),
        ("auto", 2, 0, "gloo"),
    ],
)
def test_gradients_go_by_nccl_where_each_process_has_a_gpu(
    monkeypatch: pytest.MonkeyPatch, chosen: str, processes: int, devices: int, backend: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setattr(joining, "local_world_size", lambda: processes)
    assert joining.backend_for(chosen) == backend


CUDA_WORDS = "CUDA out of memory. Tried to allocate 48.00 GiB. GPU 0 has a total capacity of 139.80 GiB\nmore"
CPU_WORDS = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: 384 bytes"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError(CUDA_WORDS), f"out of memory: {CUDA_WORDS.splitlines()[0]}; smaller batches need less"),
        (RuntimeError(CPU_WORDS), "out of memory: can't allocate memory: 384 bytes; smaller batches need less"),
        (MemoryError(), "out of memory; smaller batches need less"),
        (RuntimeError("shapes do not fit"), "RuntimeError: shapes do not fit"),
    ],
)
def test_full_memory_is_told_with_what_helps(error: Exception, told: str) -> None:
    assert describe_error(error).startswith(told)
    assert ("training.accumulate" in describe_error(error)) == told.startswith("out of memory")


def test_a_run_out_of_memory_ends_with_one_line_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    bench = TrainerHarness(tiny_config())

    def allocate() -> bool:
        raise torch.OutOfMemoryError(CUDA_WORDS)

    assert multi_run.end_on_error(bench.trainer, allocate) is None
    assert bench.of(ev.RunFinished)[-1].reason == "failed"
    assert "Traceback" not in capsys.readouterr().err


def test_a_command_for_whose_copy_the_device_has_no_memory_is_applied_and_cannot_be_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = TrainerHarness(tiny_config())
    bench.steps(3)

    def copied(tree: Any) -> Any:
        raise torch.OutOfMemoryError(CUDA_WORDS)

    bench.control.put(cmd.SetLearningRate(value=0.05, id="set"))
    bench.control.put(cmd.Undo(id="undo"))
    with monkeypatch.context() as full:
        full.setattr(type(bench.trainer.services), "copied", staticmethod(copied))
        bench.steps(1)
    bench.finish()
    (refused,) = bench.of(ev.Refused)
    assert "the device had no memory for a copy of the run" in refused.reason
    assert bench.trainer.state.lr == 0.05
    assert bench.of(ev.RunFinished)[0].reason == "completed"
