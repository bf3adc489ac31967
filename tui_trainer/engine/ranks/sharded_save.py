"""The sharded tensors of a checkpoint: every rank writes its parts, and torch puts them together as whole tensors."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

from tui_trainer.engine.checkpointing.sharded_files import SHARDED, free_folder, sealed, set_apart
from tui_trainer.engine.ranks.channel import Channel

WEIGHTS, STATE = 1, 2
"""Numbers of the files: the weights of the model, and the state of its optimizer."""


def prepare_writer() -> tuple[Any, Any, Any]:
    """Import torch's writer, before the first save, so that no step waits for it.

    Returns:
        Its error, its storage, and its function that saves.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    return CheckpointException, HuggingFaceStorageWriter, save


def write_shards(channel: Channel, directory: Path, tree: Any, step: int) -> Any:
    """Write the sharded tensors of a tree. Returns the rest of it, which names their folder; every rank calls this.

    The writer is torch's of Hugging Face's format: safetensors, and no pickle.

    Raises:
        OSError: they could not be written; the folder is gone again. It is raised on every rank.
    """
    rest, tensors = set_apart(tree)
    if not tensors:
        return tree
    failure, storage, save = prepare_writer()
    name = channel.broadcast(free_folder(directory, step).encode() if channel.rank == 0 else b"").decode()
    folder = directory / name
    files = {each: STATE if each.startswith("optimizer.state.") else WEIGHTS for each in tensors}
    entry: Any = None
    problem = ""
    try:
        with warnings.catch_warnings(action="ignore"):
            save(
                tensors,
                storage_writer=storage(
                    str(folder), fqn_to_index_mapping=files, save_distributed=True, enable_consolidation=True
                ),
            )
        if channel.rank == 0:
            shutil.rmtree(folder / "sharded", ignore_errors=True)
            entry = {"folder": name, "sha256": sealed(folder)}
    except failure as error:
        problem = _first(error)
    except OSError as error:
        problem = error.strerror or str(error)
    problem = next((each for each in channel.exchange(problem) if each), "")
    if problem:
        if channel.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)
        raise OSError(problem)
    return {**rest, SHARDED: entry}


def _first(error: Any) -> str:
    """Return the first failure of the ranks in one line."""
    for failure in error.failures.values():
        cause: Any = failure[0] if isinstance(failure, tuple) else failure
        return str(getattr(cause, "strerror", None) or cause)[:200]
    return str(error)[:200]
