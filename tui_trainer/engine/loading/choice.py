"""The choice of what cuts the training data into batches."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.data.types import Data
from tui_trainer.engine.batches import Batches
from tui_trainer.engine.loading.map_batches import MapBatches
from tui_trainer.engine.loading.stream_batches import StreamBatches


def batches_of(
    data: Data, batch_size: int, sampling: str, accumulate: int, seed: int, log: Callable[[str], None]
) -> Batches:
    """Return the batches of a run, `accumulate` times `batch_size` samples each.

    Args:
        data: the data, on the device.
        log: receives a line about a stream that does not keep its position.
    """
    size, source = batch_size * accumulate, data.source
    if source is None:
        return Batches(data.train, size, sampling, seed)
    if source.kind == "map":
        return MapBatches(source, data.train, size, sampling, seed)
    stream = StreamBatches(source, data.train, size, accumulate, seed)
    if not stream.keeps_state:
        log(
            "data: the stream has no state_dict and load_state_dict, so a resume and an undo read the batches of its "
            "pass again; they are the same if it yields the same each time"
        )
    return stream
