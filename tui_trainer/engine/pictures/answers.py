"""Predictions on the validation split: logits of one sample, confidence, confusion, predicted against true."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tui_trainer.components.pictures import Confidence, Confusion, LogitBars, Predicted
from tui_trainer.data.types import Split
from tui_trainer.engine.answers.scores import confusion_heat
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Axis, Bars, Group, Points, Spots, rounded, rounded_or_none

CLASSES = 40
"""Most classes in a drawing."""
DOTS = 250
"""Most points in a scatter plot."""


def _outputs(
    source: PictureSource[LogitBars] | PictureSource[Confidence], split: Split
) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits, probabilities in float64, and classes of a full split, on the CPU."""
    setup, config = source.setup, source.config
    sums = torch.cat(
        [model_inspection.logits(setup, part.inputs) for part in model_inspection.chunks(setup, split)]
    ).to("cpu", torch.float64)
    return sums, model_inspection.probabilities(sums, config.loss.kind, config.model.head), split.targets.cpu()


def _pairs(sums: Tensor) -> Tensor:
    """Return logits `[n, K]`; one logit for two classes becomes two, 0 and itself."""
    return torch.cat([torch.zeros_like(sums), sums], -1) if sums.shape[-1] == 1 else sums


def _names(classes: tuple[str, ...], count: int) -> tuple[str, ...]:
    return tuple(name[:40] for name in classes[:count]) or tuple(str(place) for place in range(count))


class LogitsPicture(PictureSource[LogitBars]):
    """Three bars for each class: the logit, the probability, and the target, which is one-hot or smoothed.

    `target` is the target of the right class, `other` that of each other class; their sum over the classes is 1.
    """

    def take(self) -> PictureResult:
        data = self.setup.data
        place = self.choice.example
        if place >= len(data.validation):
            raise UserError(f"pictures.logits.example: {place}: there are {len(data.validation)} validation samples")
        row = slice(place, place + 1)
        sums, shares, _ = _outputs(self, Split(data.validation.inputs[row], data.validation.targets[row]))
        count = min(shares.shape[-1], CLASSES)
        names = _names(data.classes, count)
        true = int(data.validation.targets[place])
        low = getattr(self.config.loss, "label_smoothing", 0.0) / shares.shape[-1]
        high = 1 - low * (shares.shape[-1] - 1)
        title = f"sample {place}, true class {names[true] if true < count else true}"
        groups = (
            Group(name="logit", values=rounded_or_none(_pairs(sums)[0, :count])),
            Group(name="probability", values=rounded_or_none(shares[0, :count])),
            Group(name="target", values=rounded_or_none(high if k == true else low for k in range(count))),
        )
        numbers: Numbers = {
            "sum": float(shares.sum()),
            "largest": float(shares.max()),
            "right": float(shares[0, true]),
            "target": high,
            "other": low,
        }
        return PictureResult(Bars(title=title[:120], x=Axis(label="class"), labels=names, groups=groups), numbers)


class ConfidencePicture(PictureSource[Confidence]):
    """A histogram of the largest probability, and the accuracy in each bin; the gap of the training logits.

    `ece` is the mean over samples of |accuracy - confidence| of their bin (Guo et al. 2017). `logit_gap` is the median
    over the training split of the correct logit minus the mean of the others; with smoothing e its best value is
    ln(a/b), a = 1 - e + e/K, b = e/K, and the loss cannot fall below H(q) = -(a ln a + (K-1) b ln b).
    """

    def take(self) -> PictureResult:
        data, bins = self.setup.data, self.choice.bins
        _, shares, true = _outputs(self, data.validation)
        sure, answer = shares.max(-1)
        right = (answer == true).double()
        place = (sure * bins).long().clamp(0, bins - 1)
        counts = torch.bincount(place, minlength=bins).double()
        hits = torch.bincount(place, right, minlength=bins)
        trust = torch.bincount(place, sure, minlength=bins)
        filled = counts > 0
        accuracy = [float(hit / count) if count else None for hit, count in zip(hits, counts, strict=True)]
        labels = tuple(f"{(k + 0.5) / bins:.2f}".rstrip("0") for k in range(bins))
        drawing = Bars(
            title="confidence",
            x=Axis(label="p"),
            y=Axis(low=0, high=1),
            labels=labels,
            groups=(
                Group(name="share of samples", values=rounded_or_none(counts / len(true))),
                Group(name="accuracy", values=rounded_or_none(accuracy)),
            ),
        )
        numbers: Numbers = {
            "ece": float((hits - trust)[filled].abs().sum() / len(true)),
            "mean_confidence": float(sure.mean()),
            "accuracy": float(right.mean()),
            "logit_gap": self._gap(),
            **self._theory(shares.shape[-1]),
        }
        return PictureResult(drawing, numbers)

    def _gap(self) -> float:
        sums, _, classes = _outputs(self, self.setup.data.train)
        pairs = _pairs(sums)
        own = pairs.gather(-1, classes.unsqueeze(-1)).squeeze(-1)
        others = (pairs.sum(-1) - own) / (pairs.shape[-1] - 1)
        # numpy's and not torch's median: the mean of the middle two where their number is even.
        return float((own - others).quantile(0.5)) if len(own) < 1 << 24 else float((own - others).median())

    def _theory(self, classes: int) -> Numbers:
        smoothing: float = getattr(self.config.loss, "label_smoothing", 0.0)
        if not smoothing:
            return {"theory_gap": None, "loss_floor": 0.0}
        high, low = 1 - smoothing + smoothing / classes, smoothing / classes
        floor = -(high * math.log(high) + (classes - 1) * low * math.log(low))
        return {"theory_gap": math.log(high / low), "loss_floor": floor}


class ConfusionPicture(PictureSource[Confusion]):
    """A table of counts: true classes down, predicted classes across."""

    def take(self) -> PictureResult:
        setup = self.setup
        split, classes = setup.data.validation, setup.data.shape.targets
        with model_inspection.quiet(setup.model), torch.no_grad():
            answers = torch.cat(
                [setup.objective.predict(setup.model(part.inputs)) for part in model_inspection.chunks(setup, split)]
            )
        table = torch.bincount((split.targets * classes + answers).cpu(), minlength=classes**2).view(classes, classes)
        count = min(classes, CLASSES)
        names = _names(setup.data.classes, count)
        off = table.clone().fill_diagonal_(0)
        worst = divmod(int(off.argmax()), classes)
        numbers: Numbers = {
            "accuracy": float(table.diagonal().sum() / table.sum()),
            "wrong": float(off.sum()),
            "most_confused": float(off[worst]),
        }
        return PictureResult(confusion_heat(table, names), numbers)


class PredictedPicture(PictureSource[Predicted]):
    """A scatter plot of (true, predicted), in the units of the standardised target."""

    def take(self) -> PictureResult:
        setup = self.setup
        split = setup.data.validation
        with model_inspection.quiet(setup.model), torch.no_grad():
            found = (
                torch.cat([setup.model(part.inputs) for part in model_inspection.chunks(setup, split)]).double().cpu()
            )
        true = split.targets.double().cpu()
        error = (found - true).square().mean()
        numbers: Numbers = {
            "mse": float(error),
            "r2": float(1 - error / true.var(correction=0)),
            "correlation": float(torch.corrcoef(torch.stack([true.flatten(), found.flatten()]))[0, 1]),
        }
        step = -(-len(true) // DOTS)
        kept = torch.isfinite(found).all(-1)
        xs, ys = true[kept][::step].flatten(), found[kept][::step].flatten()
        spots = Spots(name="validation", x=rounded(xs[:1000]), y=rounded(ys[:1000]))
        x, y = Axis(label="true"), Axis(label="predicted")
        return PictureResult(Points(title="predicted against true", x=x, y=y, spots=(spots,), diagonal=True), numbers)
