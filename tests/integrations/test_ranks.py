"""Two processes that train together stop at the same step, and take each at the same rate."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations.conftest import needs

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
LAMBDA = {
    "transformers": lambda step: 1 - step / 16,
    "accelerate": lambda step: 0.9**step,
    "lightning": lambda step: 0.9**step,
}


@pytest.mark.parametrize("library", LAMBDA)
def test_rates_and_stops_are_those_of_the_first(library: str, tmp_path: Path) -> None:
    needs(library)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {
        "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "PYTHONPATH": str(ROOT), "ACCELERATE_USE_CPU": "true", "HF_HUB_OFFLINE": "1",
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("two_ranks.py")), library, str(tmp_path)]
    processes = [
        subprocess.Popen(
            command, env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}, text=True, cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        outputs = [process.communicate(timeout=400)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], outputs
    rates = [json.loads((tmp_path / f"rates-{rank}.json").read_text()) for rank in range(2)]
    [path] = [path for path in tmp_path.glob("*_ranks_*") if path.is_dir()]
    events = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    [at] = [event["step"] for event in events if event["type"] == "SettingChanged"]
    own = [0.1 * LAMBDA[library](step) for step in range(16)]
    expected = own[:at] + [0.01 * rate / own[at] for rate in own[at:]]
    assert 3 <= at < 16
    assert rates[0] == pytest.approx(expected[: len(rates[0])])
    assert rates[1] == pytest.approx(rates[0])
    refused = [event["reason"] for event in events if event["type"] == "Refused"]
    assert refused == ["nothing to roll back to yet: no epoch has been validated"]
    assert events[-1]["type"] == "RunFinished"
    assert (events[-1]["reason"], events[-1]["step"]) == ("stopped", len(rates[0]))
