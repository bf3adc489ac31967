"""The series under `system/`: peaks and shares against formulas, and curves that stay the same to the bit."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.monitoring import process_load, system_load
from tui_trainer.engine.monitoring.process_load import MIB, DeviceMemory, Gpu, ProcessMemory
from tui_trainer.engine.monitoring.system_load import ProcessLoad, SystemLoad
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.state.series_names import SYSTEM, UNITS, group_of

CPU = torch.device("cpu")


class Clocks:
    """Clocks that stand until a test moves them."""

    def __init__(self):
        self.real = self.cpu = self.trained = self.waited = self.spent = 0.0

    def process(self) -> ProcessLoad:
        return ProcessLoad(CPU, lambda: self.real, lambda: self.cpu)

    def load(self, process: ProcessLoad) -> SystemLoad:
        return SystemLoad(process, lambda: self.trained, lambda: self.waited, lambda: self.spent)


def test_shares_are_those_of_the_interval_between_two_readings():
    clocks = Clocks()
    load = clocks.load(clocks.process())
    clocks.real, clocks.waited, clocks.spent = 100.0, 7.0, 3.0  # before the first flush: not counted
    assert load.due() == {}
    clocks.real += 0.5
    assert load.due() == {}
    clocks.real, clocks.cpu, clocks.trained, clocks.waited, clocks.spent = 102.0, 3.0, 1.6, 7.2, 3.04
    values = load.due()
    assert values["system/cpu"] == 150.0
    assert values["system/data_wait"] == pytest.approx(100 * 0.2 / 1.6)
    assert values["system/overhead"] == pytest.approx(100 * 0.04 / 1.6)
    assert values["system/memory"] > 10
    assert "system/device_memory" not in values
    assert load.due() == {}
    clocks.real += 2
    assert load.due()["system/cpu"] == 0.0  # nothing was trained: no share of it
    assert set(values) <= set(UNITS)


def test_the_runs_of_one_process_share_a_reading():
    clocks = Clocks()
    process = clocks.process()
    one, other = clocks.load(process), clocks.load(process)
    assert one.due() == other.due() == {}
    clocks.real = 1.5
    first = one.due()
    clocks.cpu = 99.0
    assert first["system/cpu"] == other.due()["system/cpu"] == 0.0
    assert process.readings == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets the peak")
def test_the_memory_is_the_peak_since_the_last_reading():
    memory = ProcessMemory()
    if not memory._resets:
        pytest.skip("this kernel does not reset the peak")
    before = memory.peak()
    block = bytearray(96 * MIB)
    block[:: 1 << 12] = b"x" * len(block[:: 1 << 12])
    del block
    assert memory.peak() > before + 80
    assert memory.peak() < before + 60


def test_without_the_files_of_linux_the_memory_is_the_peak_of_the_process(monkeypatch, tmp_path):
    usage = SimpleNamespace(ru_maxrss=5 * MIB)
    monkeypatch.setattr(process_load.resource, "getrusage", lambda who: usage)
    memory = ProcessMemory(str(tmp_path / "none"), str(tmp_path / "none"))
    monkeypatch.setattr(process_load.sys, "platform", "darwin")
    assert memory.peak() == 5
    monkeypatch.setattr(process_load.sys, "platform", "linux")
    assert memory.peak() == 5 * 1024


def test_device_memory_is_read_and_reset(monkeypatch):
    resets = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", resets.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 7 * MIB)
    device = torch.device("cuda:1")
    memory = DeviceMemory(device)
    assert memory.peak() == 7
    assert resets == [device, device]
    assert DeviceMemory(device, resets=False).peak() == 7
    assert resets == [device, device], "a script reads its own peak"
    assert DeviceMemory(CPU).peak() is None


def stand_in(asked: list[str], **changes):
    def temperature(handle, sensor):
        asked.append("temperature")
        return 61

    functions = {
        "nvmlInit": lambda: asked.append("init"),
        "nvmlDeviceGetHandleByUUID": lambda uuid: asked.append(uuid) or "handle",
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=83, memory=10),
        "nvmlDeviceGetTemperature": temperature,
    }
    return SimpleNamespace(**(functions | changes))


@pytest.fixture
def gpu_zero(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="abc-1"))
    return torch.device("cuda:0")


def test_a_gpu_is_asked_where_the_library_is_there(monkeypatch, gpu_zero):
    asked: list[str] = []
    monkeypatch.setitem(sys.modules, "pynvml", stand_in(asked))
    assert Gpu(gpu_zero).read() == {"system/gpu_utilization": 83.0, "system/gpu_temperature": 61.0}
    assert asked == ["init", "GPU-abc-1", "temperature"]
    assert Gpu(CPU).read() == {}
    assert asked.count("init") == 1


def test_what_a_gpu_refuses_is_asked_once(monkeypatch, gpu_zero):
    asked: list[str] = []

    def refuse(handle):
        asked.append("utilization")
        raise RuntimeError("Not Supported")

    monkeypatch.setitem(sys.modules, "pynvml", stand_in(asked, nvmlDeviceGetUtilizationRates=refuse))
    gpu = Gpu(gpu_zero)
    assert gpu.read() == gpu.read() == {"system/gpu_temperature": 61.0}
    assert asked.count("utilization") == 1
    monkeypatch.setitem(sys.modules, "pynvml", None)  # as if it were not installed
    assert Gpu(gpu_zero).read() == {}


def test_a_run_records_its_load_and_its_curves_stay_the_same(monkeypatch):
    monkeypatch.setattr(system_load, "PERIOD", 0.0)
    plain, watched = TrainerHarness(tiny_config()), TrainerHarness(tiny_config())
    watched.trainer.watch_load(ProcessLoad(CPU))
    for bench in (plain, watched):
        bench.finish()
    load = {name for name in watched.state.series if group_of(name) == SYSTEM}
    assert load == {"system/memory", "system/cpu", "system/data_wait", "system/overhead"}
    assert not any(group_of(name) == SYSTEM for name in plain.state.series)
    for name in ("train_loss", "val_loss", "lr", "grad_norm"):
        assert plain.column(name) == watched.column(name)
    for name in ("system/data_wait", "system/overhead"):
        assert all(0 <= value <= 100 for value in watched.column(name).values())
    one, other = RunHistory(), RunHistory()
    for history, bench in ((one, plain), (other, watched)):
        for event in bench.events:
            history.add(event)
    assert first_difference(one, other) == ""
    assert "system/memory" not in other.metrics


def test_a_loss_that_breaks_publishes_no_load_after_it(monkeypatch):
    monkeypatch.setattr(system_load, "PERIOD", 0.0)
    bench = TrainerHarness(tiny_config(optimizer={"kind": "sgd", "lr": 1e30}))
    bench.trainer.watch_load(ProcessLoad(CPU))
    bench.finish()
    broken = bench.of(ev.LossBroke)[0]
    assert all(step < broken.step for step in bench.column("system/memory"))
