"""The series under `system/`: memory, CPU, the wait for data, and the cost of the program itself.

They are read when the recorder flushes, and then at most once in `PERIOD` seconds; never in a step.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import perf_counter, process_time

import torch

from tui_trainer.engine.monitoring.process_load import DeviceMemory, Gpu, ProcessMemory

PERIOD = 1.0
"""Seconds between two readings."""


class ProcessLoad:
    """The load of the process, which its runs share: each reading serves all of them.

    Args:
        device: the device of the runs.
        resets: whether the peaks begin again with each reading; not in a script, which may read its own.
        clock: seconds of real time.
        cpu_clock: seconds of CPU time.
    """

    def __init__(
        self,
        device: torch.device,
        clock: Callable[[], float] = perf_counter,
        cpu_clock: Callable[[], float] = process_time,
        *,
        resets: bool = True,
    ) -> None:
        self._memory, self._device_memory = ProcessMemory(resets=resets), DeviceMemory(device, resets=resets)
        self._gpu = Gpu(device)
        self._clock, self._cpu_clock = clock, cpu_clock
        self._at, self._cpu = -inf, 0.0
        self.readings = 0
        """Number of readings so far."""
        self.values: dict[str, float] = {}
        """The last reading, by the names of the series."""

    def refresh(self) -> int:
        """Read where the last reading is older than `PERIOD`. Returns the number of readings so far."""
        now = self._clock()
        if now - self._at < PERIOD:
            return self.readings
        cpu = self._cpu_clock()
        if self._at == -inf:  # the first flush begins the first interval
            self._at, self._cpu = now, cpu
            return self.readings
        values = {"system/memory": self._memory.peak(), "system/cpu": 100 * (cpu - self._cpu) / (now - self._at)}
        device = self._device_memory.peak()
        if device is not None:
            values["system/device_memory"] = device
        self._at, self._cpu = now, cpu
        self.values = {**values, **self._gpu.read()}
        self.readings += 1
        return self.readings


class SystemLoad:
    """The series of one run.

    Args:
        process: the load of the process.
        trained: seconds of training so far.
        waited: seconds in which the loop waited for data so far.
        spent: seconds that this program itself took from the training so far.
    """

    def __init__(
        self,
        process: ProcessLoad,
        trained: Callable[[], float],
        waited: Callable[[], float],
        spent: Callable[[], float],
    ) -> None:
        self._process = process
        self._clocks = (trained, waited, spent)
        self._before: list[float] | None = None
        self._reading = process.readings

    def due(self) -> dict[str, float]:
        """Return the numbers by the names of their series; empty where no new reading is due."""
        reading = self._process.refresh()
        if self._before is None:
            self._before = [clock() for clock in self._clocks]
        if reading == self._reading:
            return {}
        self._reading = reading
        now = [clock() for clock in self._clocks]
        trained, waited, spent = (after - before for after, before in zip(now, self._before, strict=True))
        self._before = now
        values = {name: round(value, 2) for name, value in self._process.values.items()}
        if trained > 0:
            values["system/data_wait"] = round(min(100 * waited / trained, 100.0), 3)
            values["system/overhead"] = round(min(100 * spent / trained, 100.0), 3)
        return values
