"""What every choice of every family does, so that a new class is tested by being listed."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
import tomli_w
import torch
from pydantic import TypeAdapter, ValidationError

from tui_trainer.components.activations import Activation, AnyActivation
from tui_trainer.components.base import Component, by_name, choices, field_help
from tui_trainer.components.datasets.base import Dataset
from tui_trainer.components.datasets.bundled import AnyDataset
from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.initializers import AnyInit, Init
from tui_trainer.components.losses import AnyLoss, CrossEntropy, HalfMSE, Loss, Value
from tui_trainer.components.models import MLP, AnyModel, Linear, Model, Point, Transformer
from tui_trainer.components.optimizers.first_order import AnyOptimizer, Optimizer
from tui_trainer.components.pictures import AnyPicture, PictureSpec
from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.functions import QuadraticFunction
from tui_trainer.data.types import ProblemSpec
from tui_trainer.optim.closure import Closure

FAMILIES: dict[str, tuple[Any, type[Component]]] = {
    "activation": (AnyActivation, Activation),
    "data": (AnyDataset, Dataset),
    "init": (AnyInit, Init),
    "loss": (AnyLoss, Loss),
    "model": (AnyModel, Model),
    "optimizer": (AnyOptimizer, Optimizer),
    "picture": (AnyPicture, PictureSpec),
    "scheduler": (AnyScheduler, Scheduler),
}
KINDS = [(family, kind) for family, (union, _) in FAMILIES.items() for kind in choices(union)]

TABLE = ProblemSpec("classification", (6,), 3)
IMAGE = ProblemSpec("classification", (1, 8, 8), 3)
NUMBERS = ProblemSpec("regression", (6,), 2)
TEXT = ProblemSpec("language", (5,), 7)
BOWL = ProblemSpec("minimise", (2,), 1, QuadraticFunction((1.0, 4.0), 30.0, (2.0, 1.0)))


def component(family: str, kind: str) -> type[Any]:
    return choices(FAMILIES[family][0])[kind]


def subclasses(cls: type[Component]) -> set[type[Component]]:
    return {below for direct in cls.__subclasses__() for below in ({direct} | subclasses(direct))}


NO_CHOICE = {ScriptSchedule}
"""Classes of runs that a script made, which no preset can have."""


@pytest.mark.parametrize("family", FAMILIES)
def test_every_class_that_names_a_kind_is_a_choice(family: str) -> None:
    union, base = FAMILIES[family]
    named = {
        cls for cls in subclasses(base) if cls.__module__.startswith("tui_trainer.") and "kind" in cls.__annotations__
    }
    assert named - NO_CHOICE == set(choices(union).values())


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_names_and_help(family: str, kind: str) -> None:
    cls = component(family, kind)
    assert issubclass(cls, FAMILIES[family][1])
    assert cls().kind == kind
    assert kind == kind.lower()
    assert "_" not in kind
    assert cls.__doc__
    assert cls.__doc__ != FAMILIES[family][1].__doc__
    helps = field_help(cls)
    missing = [name for name in cls.model_fields if name != "kind" and not helps.get(name, "").strip()]
    assert not missing
    assert all(text.endswith((".", ")")) for text in helps.values()), helps


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_toml_and_back(family: str, kind: str) -> None:
    default = component(family, kind)()
    adapter = TypeAdapter(FAMILIES[family][0])
    text = tomli_w.dumps({family: default.model_dump(mode="json", exclude_none=True)})
    assert adapter.validate_python(tomllib.loads(text)[family]) == default
    assert adapter.validate_json(default.model_dump_json()) == default
    assert adapter.validate_python({"kind": kind}) == default
    assert default.label() == kind


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_frozen_and_strict(family: str, kind: str) -> None:
    default = component(family, kind)()
    with pytest.raises(ValidationError):
        default.kind = "other"
    with pytest.raises(ValidationError, match="Extra inputs"):
        component(family, kind).model_validate({"kind": kind, "no_such_field": 1})
    assert hash(default) == hash(component(family, kind)())


@pytest.mark.parametrize("family", ["activation", "init"])
def test_a_bare_name_will_do(family: str) -> None:
    union, _ = FAMILIES[family]
    for kind, cls in choices(union).items():
        assert TypeAdapter(union).validate_python(kind) == cls()
    assert by_name("x") == {"kind": "x"}
    assert by_name(3) == 3


def test_fields_of_a_run_have_help_too() -> None:
    helps = field_help(EarlyStopping)
    assert set(helps) == set(EarlyStopping.model_fields)


def train(
    model: Model, loss: Loss, optimizer: Optimizer, scheduler: Scheduler, shape: ProblemSpec, steps: int = 1
) -> list[float]:
    """A few steps on a tiny problem; the loss of each. Everything must stay finite."""
    generator = torch.Generator().manual_seed(0)
    if shape.task == "language":
        inputs = torch.randint(shape.targets, (4, *shape.inputs), generator=generator)
        targets = torch.randint(shape.targets, (4, *shape.inputs), generator=generator)
    else:
        inputs = torch.randn(12, *shape.inputs, generator=generator)
        targets = torch.randn(12, shape.targets, generator=generator)
        if shape.task == "classification":
            targets = torch.arange(12) % shape.targets
        elif shape.task == "minimise":
            targets = torch.zeros(12, 0)
    loss.fits(shape.task, model.head)
    objective = loss.build(shape)
    module = model.build(shape, loss.outputs(shape), generator).float()
    built = optimizer.build(list(module.named_parameters()))
    plan = LrPlan.begin(scheduler, optimizer.lr, step=0, end=steps, steps_per_epoch=1)
    values = []
    for step in range(steps):
        for group in built.param_groups:
            group["lr"] = plan.rate(step)
        closure = Closure(lambda: each(module, objective, inputs, targets), list(module.parameters()), lambda: None)
        if not optimizer.needs_closure:
            closure()
        built.step(closure if optimizer.needs_closure else None)
        outputs = closure.outputs
        values.append(closure.loss.item())
        assert all(parameter.isfinite().all() for parameter in module.parameters())
    predicted = objective.predict(outputs)
    assert predicted.shape == (targets.shape if shape.task != "minimise" else (12, 1))
    assert predicted.dtype == targets.dtype
    return values


IMPORTED = {
    "model": "tests.support:small_net",
    "data": "tests.support:small_samples",
    "scheduler": "tests.support:halving",
    "loss": "torch.nn:CrossEntropyLoss",
    "optimizer": "torch.optim:SGD",
}


def each(module: Any, objective: Any, inputs: Any, targets: Any) -> tuple[Any, Any]:
    outputs = module(inputs)
    return outputs, objective(outputs, targets)


def default(family: str, kind: str, wanted: str, otherwise: Component) -> Any:
    given = {"path": IMPORTED[family]} if kind == "import" else {}
    return component(family, kind).model_validate(given) if family == wanted else otherwise


@pytest.mark.parametrize(("family", "kind"), [(f, k) for f, k in KINDS if f not in ("data", "activation", "init")])
def test_a_step_with_each_choice(family: str, kind: str) -> None:
    model: Any = default(family, kind, "model", MLP(hidden=(8,)))
    loss: Any = default(family, kind, "loss", CrossEntropy())
    optimizer: Any = default(family, kind, "optimizer", choices(AnyOptimizer)["sgd"](lr=0.01))
    scheduler: Any = default(family, kind, "scheduler", choices(AnyScheduler)["cosine"]())
    shape = {"cnn": IMAGE, "transformer": TEXT, "point": BOWL, "value": BOWL}.get(kind, TABLE)
    if shape is BOWL:
        model, loss = Point(), Value()
    if kind == "sparse-adam":
        model, shape = Transformer(layers=1, width=8, sparse_embedding=True), TEXT
    heads = {"nll": "softmax", "bce": "sigmoid"}
    model = model.model_copy(update={"head": heads.get(kind, "identity")})
    shapes = [shape]
    if family == "loss" and kind != "value":
        shapes = [TABLE, ProblemSpec("classification", (6,), 2)]
        if kind in ("mse", "half-mse", "l1", "huber"):
            shapes.append(NUMBERS)
    for one in shapes:
        values = train(model, loss, optimizer, scheduler, one, steps=3)
        assert all(value == value and abs(value) < 1e6 for value in values)


@pytest.mark.parametrize("kind", choices(AnyActivation))
@pytest.mark.parametrize("model", ["mlp", "cnn", pytest.param("transformer", marks=pytest.mark.long)])
def test_a_step_with_each_activation(kind: str, model: str) -> None:
    shape = {"mlp": TABLE, "cnn": IMAGE, "transformer": TEXT}[model]
    built = component("model", model).model_validate({"kind": model, "activation": kind})
    train(built, CrossEntropy(), choices(AnyOptimizer)["adam"](), choices(AnyScheduler)["constant"](), shape)


@pytest.mark.parametrize("kind", choices(AnyInit))
@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", pytest.param("transformer", marks=pytest.mark.long)])
def test_a_step_with_each_init(kind: str, model: str) -> None:
    shape = {"linear": TABLE, "mlp": TABLE, "cnn": IMAGE, "transformer": TEXT}[model]
    built = component("model", model).model_validate({"kind": model, "init": kind})
    train(built, CrossEntropy(), choices(AnyOptimizer)["adam"](), choices(AnyScheduler)["constant"](), shape)


SMALL = {"samples": 60}


@pytest.mark.parametrize(
    "kind", [kind for kind in choices(AnyDataset) if kind not in ("csv", "parquet", "mnist", "loader")]
)
def test_a_step_on_each_data_set(kind: str) -> None:
    cls = component("data", kind)
    given = {"path": IMPORTED["data"]} if kind == "import" else SMALL if "samples" in cls.model_fields else {}
    data = cls.model_validate({"kind": kind, **given}).build(0)
    model = {"language": Transformer(layers=1, width=8), "minimise": Point()}.get(data.shape.task, Linear())
    loss = {"regression": HalfMSE(), "minimise": Value()}.get(data.shape.task, CrossEntropy())
    module = model.build(data.shape, loss.outputs(data.shape), torch.Generator().manual_seed(0)).float()
    objective = loss.build(data.shape)
    value = objective(module(data.train.inputs[:32]), data.train.targets[:32])
    value.backward()
    assert value.isfinite()
    assert data.shape.task == cls().task
    assert {"guessing"} <= set(data.references) or data.shape.task == "minimise"


def test_a_run_of_each_kind_of_data_has_a_loss_that_fits() -> None:
    for kind, cls in choices(AnyDataset).items():
        if kind in ("csv", "parquet", "import", "loader"):
            continue  # its task is a field: see below
        model = {"language": "transformer", "minimise": "point"}.get(cls.task, "mlp")
        config = RunConfig.model_validate({"data": {"kind": kind}, "model": {"kind": model}})
        assert config.loss.kind == {"regression": "mse", "minimise": "value"}.get(cls.task, "cross-entropy")


@pytest.mark.parametrize(("task", "loss"), [("classification", "cross-entropy"), ("regression", "mse")])
def test_a_run_on_a_table_has_the_loss_of_its_task(task: str, loss: str) -> None:
    config = RunConfig.model_validate({"data": {"kind": "csv", "task": task}})
    assert config.data.task == task
    assert config.loss.kind == loss
