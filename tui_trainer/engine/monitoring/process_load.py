"""The load of this process and its device: peaks since the last reading, from what the system counts anyway.

Nothing is sampled by a thread of its own: Linux keeps the peak of the resident memory and torch that of the device
memory; both are reset when they are read.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
from typing import Any

import torch

MIB = 1 << 20
_STATUS, _CLEAR = "/proc/self/status", "/proc/self/clear_refs"
_RESET_PEAK = b"5"
"""Sets the peak of the resident memory back to its present value: see proc(5), `/proc/PID/clear_refs`."""
_TEMPERATURE_GPU = 0
"""`NVML_TEMPERATURE_GPU`: the sensor on the chip."""


class ProcessMemory:
    """The largest resident memory since the last reading; where it is not or cannot be reset, since the start."""

    def __init__(self, status: str = _STATUS, clear: str = _CLEAR, *, resets: bool = True) -> None:
        self._status, self._clear = status, clear
        self._resets = resets and self._reset()

    def peak(self) -> float:
        """Return the peak in MiB, and begin the next interval."""
        peak = self._read()
        if self._resets:
            self._resets = self._reset()
        return peak / MIB

    def _reset(self) -> bool:
        try:
            file = os.open(self._clear, os.O_WRONLY)
            try:
                os.write(file, _RESET_PEAK)
            finally:
                os.close(file)
        except OSError:
            return False
        return True

    def _read(self) -> int:
        """Return the peak in bytes."""
        try:
            with open(self._status, "rb") as file:
                text = file.read()
            return int(text.partition(b"VmHWM:")[2].split(None, 1)[0]) << 10
        except (OSError, ValueError, IndexError):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak if sys.platform == "darwin" else peak << 10


class DeviceMemory:
    """The most memory that torch has allocated on a device since the last reading, or since a script reset it."""

    def __init__(self, device: torch.device, *, resets: bool = True) -> None:
        self._device, self._resets = device, resets
        if device.type == "cuda" and resets:
            torch.cuda.reset_peak_memory_stats(device)

    def peak(self) -> float | None:
        """Return the peak in MiB, and begin the next interval; None on the CPU. MPS tells the present value only."""
        if self._device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(self._device)
            if self._resets:
                torch.cuda.reset_peak_memory_stats(self._device)
            return peak / MIB
        if self._device.type == "mps":
            return torch.mps.current_allocated_memory() / MIB
        return None


class Gpu:
    """Utilisation and temperature of an NVIDIA device, where nvidia-ml-py (the extra `gpu`) is installed.

    What the driver refuses to tell, as it does for a part of a device, is not asked for again.
    """

    def __init__(self, device: torch.device) -> None:
        self._library: Any = None
        self._handle: Any = None
        self._refused: set[str] = set()
        if device.type == "cuda":
            self._open(device)

    def _open(self, device: torch.device) -> None:
        try:
            library = importlib.import_module("pynvml")
            library.nvmlInit()
            self._handle = _handle(library, device)
        except Exception:  # noqa: BLE001 - no driver, no library, no rights: there is nothing to show then
            return
        self._library = library

    def read(self) -> dict[str, float]:
        """Return the utilisation in percent and the temperature in degrees Celsius; empty where neither is known."""
        library, handle = self._library, self._handle
        if library is None:
            return {}
        sources = {
            "system/gpu_utilization": lambda: library.nvmlDeviceGetUtilizationRates(handle).gpu,
            "system/gpu_temperature": lambda: library.nvmlDeviceGetTemperature(handle, _TEMPERATURE_GPU),
        }
        found: dict[str, float] = {}
        for name, source in sources.items():
            if name not in self._refused:
                try:
                    found[name] = float(source())
                except Exception:  # noqa: BLE001 - an NVMLError of any kind
                    self._refused.add(name)
        return found


def _handle(library: Any, device: torch.device) -> Any:
    """Return NVML's handle of a torch device. The two count devices differently: CUDA_VISIBLE_DEVICES hides some."""
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is not None:
        return library.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    return library.nvmlDeviceGetHandleByIndex(device.index or 0)
