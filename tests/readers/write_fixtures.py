"""Write the fixtures that come from the real libraries: `python -m tests.readers.write_fixtures [NAME ...]`.

The interpreter needs the libraries; a fixture whose library is missing is left as it is. Their versions are noted in
tests/fixtures/logs/VERSIONS.md. Every fixture is a short training of 40 steps, validated each ten.
"""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

LOGS = Path(__file__).parents[1] / "fixtures" / "logs"
STEPS = 40


def loss(step: int) -> float:
    return 2 * math.exp(-step / 20)


def rows() -> list[tuple[int, dict[str, float]]]:
    found: list[tuple[int, dict[str, float]]] = []
    for step in range(1, STEPS + 1):
        values = {"train/loss": loss(step) if step != 17 else math.nan, "lr": 0.01}
        if step % 10 == 0:
            values["val/loss"] = loss(step) + 0.125
        found.append((step, values))
    return found


def tensorboard(folder: Path) -> str:
    """An event file of `torch.utils.tensorboard`, with what is no curve beside the curves."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))
    generator = torch.Generator().manual_seed(0)
    for step, values in rows():
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        if step % 10 == 0:
            writer.add_histogram("weights/0", torch.randn(200, generator=generator), step)
            writer.add_text("sample", f"**step** {step}", step)
            writer.add_image("digit", torch.rand(1, 6, 8, generator=generator), step)
    writer.add_hparams({"lr": 0.01, "optimizer": "adam"}, {"best": 0.25}, run_name=".")
    writer.close()
    target = LOGS / "tensorboard" / "torch"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for index, path in enumerate(sorted(folder.rglob("*tfevents*")), 1):
        shutil.copyfile(path, target / f"events.out.tfevents.170000000{index}.host.1.{index}")
    return f"torch.utils.tensorboard of torch {version('torch')}, tensorboard {version('tensorboard')}"


def mlflow(folder: Path) -> str:
    """A database of MLflow with two runs."""
    import mlflow as library

    library.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    library.set_experiment("digits")
    for name, factor in (("small", 1.0), ("large", 0.5)):
        with library.start_run(run_name=name):
            library.log_params({"lr": 0.01, "optimizer": "adam", "factor": factor})
            for step, values in rows():
                library.log_metrics({key: value * factor for key, value in values.items()}, step=step)
    _compact(folder / "mlflow.db", LOGS / "database" / "mlflow.db", ("runs", "metrics", "params", "experiments"))
    return f"mlflow {version('mlflow-skinny')}; only the tables runs, metrics, params and experiments are kept"


def trackio(folder: Path) -> str:
    """A database of Trackio with two runs."""
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    for name, factor in (("small", 1.0), ("large", 0.5)):
        metrics = [{key: value * factor for key, value in values.items()} for _, values in rows()]
        steps = [step for step, _ in rows()]
        config = {"lr": 0.01, "optimizer": "adam", "factor": factor, "_Username": "x"}
        SQLiteStorage.bulk_log("digits", name, metrics, steps=steps, config=config)
    [path] = folder.glob("*.db")
    _compact(path, LOGS / "database" / "trackio.db", ("metrics", "configs"))
    return f"trackio {version('trackio')}; only the tables metrics and configs are kept"


def _compact(path: Path, target: Path, kept: tuple[str, ...]) -> None:
    """Copy a database with fewer tables and smaller pages."""
    target.parent.mkdir(exist_ok=True)
    target.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in found:
            if name not in kept and not name.startswith("sqlite_"):
                connection.execute(f'DROP TABLE "{name}"')
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("VACUUM")


def lightning(folder: Path) -> str:
    """A table of Lightning's CSVLogger: empty cells where nothing was measured."""
    from lightning_fabric.loggers import CSVLogger

    logger = CSVLogger(str(folder), name="", version="")
    for step, values in rows():
        logger.log_metrics({"epoch": (step - 1) // 10, **values}, step)
    logger.finalize("success")
    [path] = folder.rglob("metrics.csv")
    shutil.copyfile(path, LOGS / "csv" / "lightning-fabric.csv")
    return f"CSVLogger of lightning-fabric {version('pytorch-lightning')}"


def wandb(folder: Path) -> str:
    """An offline run of wandb."""
    os.environ["WANDB_SILENT"] = "true"
    import wandb as library

    settings = library.Settings(x_disable_stats=True, x_disable_meta=True, console="off", disable_git=True)
    run = library.init(
        mode="offline", dir=str(folder), project="digits", config={"lr": 0.01, "net": {"hidden": 32}}, settings=settings
    )
    for step, values in rows():
        run.log(values, step=step)
    run.finish()
    [path] = folder.rglob("*.wandb")
    (LOGS / "wandb").mkdir(exist_ok=True)
    shutil.copyfile(path, LOGS / "wandb" / "run-small.wandb")
    return f"wandb {version('wandb')}"


WRITERS = {each.__name__: each for each in (tensorboard, mlflow, trackio, lightning, wandb)}


def main() -> None:
    noted = LOGS / "VERSIONS.md"
    lines = noted.read_text().splitlines() if noted.exists() else []
    known = dict(line[2:].split(": ", 1) for line in lines if line.startswith("- "))
    for name in sys.argv[1:] or WRITERS:
        with TemporaryDirectory() as folder:
            try:
                known[name] = WRITERS[name](Path(folder))
            except ImportError as error:
                print(f"{name}: left as it is, {error}")
    head = "Fixtures written by `python -m tests.readers.write_fixtures`, and the libraries that wrote them:\n\n"
    noted.write_text(head + "".join(f"- {name}: {text}\n" for name, text in sorted(known.items())))


if __name__ == "__main__":
    main()
