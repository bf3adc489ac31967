"""Learning-rate schedules: the classes, their union, and the plan of a run."""

from tui_trainer.components.schedulers.base import Clock, SampledCurve, Scheduler
from tui_trainer.components.schedulers.builtin import (
    AnyScheduler,
    Constant,
    Cosine,
    Cyclic,
    Exponential,
    ImportedScheduler,
    InverseTime,
    LinearDecay,
    OneCycle,
    Plateau,
    Polynomial,
    Staircase,
    Torch,
    WarmRestarts,
    WarmupStableDecay,
)
from tui_trainer.components.schedulers.plan import LrPlan

__all__ = [
    "AnyScheduler",
    "Clock",
    "Constant",
    "Cosine",
    "Cyclic",
    "Exponential",
    "ImportedScheduler",
    "InverseTime",
    "LinearDecay",
    "LrPlan",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "SampledCurve",
    "Scheduler",
    "Staircase",
    "Torch",
    "WarmRestarts",
    "WarmupStableDecay",
]
