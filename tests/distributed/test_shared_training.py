"""Training in several processes against training in one: the same weights, the same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.distributed.together import config_of, in_ranks, largest_difference, train, weights_of
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.ranks.channel import GlooChannel
from tui_trainer.engine.ranks.metric import added
from tui_trainer.engine.ranks.ranks import JoinedRanks, differences
from tui_trainer.engine.ranks.refusals import check_shared
from tui_trainer.engine.ranks.share import Share, bounds
from tui_trainer.errors import UserError

PLAIN = (
    "model.dropout=0",
    "model.hidden=[24]",
    "early_stopping.enabled=false",
    "scheduler.kind=constant",
    "training.probe_every=20",
)


Result = tuple[list[list[float]], int, dict[str, float | None]]


def numbers_in_ranks(config: RunConfig, size: int, folder: Path) -> list[Result]:
    def work(channel: GlooChannel) -> Result:
        trainer = train(config, JoinedRanks(channel))
        return weights_of(trainer), trainer.state.step, trainer.state.last_metrics

    return in_ranks(size, folder, work)


@pytest.mark.parametrize(
    ("size", "kind", "lr", "most"),
    [
        (2, "sgd", 0.1, 1e-6),
        (2, "adam", 0.003, 1e-5),
        pytest.param(4, "adam", 0.003, 1e-5, marks=pytest.mark.long),
    ],
)
def test_weights_equal_those_of_one_process(size: int, kind: str, lr: float, most: float, tmp_path: Path) -> None:
    config = config_of(
        *PLAIN, "training.epochs=9", "data.batch_size=67", f"optimizer.kind={kind}", f"optimizer.lr={lr}"
    )
    alone = train(config)
    assert alone.services.setup.batches.sizes == {67, 31}  # the last batch of an epoch is uneven

    ranks = numbers_in_ranks(config, size, tmp_path)

    assert alone.state.step == 198
    for weights, step, metrics in ranks:
        assert step == alone.state.step
        assert weights == ranks[0][0]  # to the bit
        assert metrics == ranks[0][2]
        assert metrics == pytest.approx(alone.state.last_metrics, rel=1e-4)
    assert largest_difference(weights_of(alone), ranks[0][0]) <= most


def test_batches_that_are_smaller_than_the_number_of_ranks(tmp_path: Path) -> None:
    # 1,438 training samples in batches of 479: the last batch has one sample, and rank 0 has none of it.
    config = config_of(*PLAIN, "training.epochs=2", "data.batch_size=479", "training.clip_grad_norm=0.5")
    alone = train(config)
    assert alone.services.setup.batches.sizes == {479, 1}

    ranks = numbers_in_ranks(config, 2, tmp_path)

    assert largest_difference(weights_of(alone), ranks[1][0]) <= 1e-5


def test_accumulated_batches(tmp_path: Path) -> None:
    config = config_of(*PLAIN, "training.epochs=1", "data.batch_size=23", "training.accumulate=3")
    ranks = numbers_in_ranks(config, 2, tmp_path)
    assert largest_difference(weights_of(train(config)), ranks[0][0]) <= 1e-5


@pytest.mark.parametrize(("count", "size"), [(7, 3), (1, 4), (0, 2), (64, 4)])
def test_bounds_share_out_every_sample_once(count: int, size: int) -> None:
    parts = [bounds(count, rank, size) for rank in range(size)]
    assert [index for first, last in parts for index in range(first, last)] == list(range(count))
    lengths = [last - first for first, last in parts]
    assert max(lengths) - min(lengths) <= 1


def test_weighted_means_add_up_to_the_mean_of_the_batch() -> None:
    values = torch.arange(7, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for rank in range(3):
        share = Share(rank, 3)
        mine, _ = share.cut(values, values)
        total += share.weighted(mine.mean())
    assert total.item() == pytest.approx(3.0, rel=1e-15)


def test_a_step_that_is_taken_later_knows_the_size_of_its_batch() -> None:
    share = Share(0, 2)
    first, _ = share.cut(torch.zeros(67, 1), torch.zeros(67))
    share.cut(torch.zeros(31, 1), torch.zeros(31))
    share.take(first)
    assert (share.samples, share.own) == (67, 33)
    assert share.weight == 33 / 67


def test_states_of_metrics_add_up() -> None:
    assert added(
        [{"right": 3, "seen": 4, "own": {"sums": [1.5, 2.0]}}, {"right": 1, "seen": 5, "own": {"sums": [0.5, 1.0]}}]
    ) == {
        "right": 4,
        "seen": 9,
        "own": {"sums": [2.0, 3.0]},
    }


def test_an_optimizer_that_decides_by_its_losses_is_refused() -> None:
    with pytest.raises(UserError, match="lbfgs evaluates the loss several times in a step"):
        check_shared(config_of("optimizer.kind=lbfgs"), 2)


def test_what_differs_from_one_process_is_said() -> None:
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    lines = differences(model, 3)
    assert lines[0].startswith("3 processes train")
    assert "running mean and variance are those of rank 0" in lines[1]
    assert "own masks" in lines[2]
    assert len(differences(nn.Linear(2, 2), 3)) == 1
