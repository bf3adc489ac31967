"""Uses of each training sample in an epoch."""

from __future__ import annotations

import torch

from tui_trainer.components.pictures import Coverage
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Bars, Group, rounded_or_none

MOST = 8
"""Most uses with a bar of their own; the last bar includes all above."""


class CoveragePicture(PictureSource[Coverage]):
    """A bar for each number of uses: the share of the samples that were used that many times."""

    def take(self) -> PictureResult | None:
        state = self.state
        if not state.epoch:
            return None
        batches, count = self.setup.batches, len(self.setup.data.train)
        order = batches.order(state.epoch - 1)
        uses = torch.ones(count, dtype=torch.long) if order is None else torch.bincount(order.cpu(), minlength=count)
        shares = torch.bincount(uses.clamp_max(MOST), minlength=MOST + 1).double() / count
        labels = ("unseen", "once", "twice", *(f"{k} x" for k in range(3, MOST)), f"{MOST}+ x")
        drawing = Bars(
            title=f"coverage of epoch {state.epoch}",
            y=Axis(low=0, high=1),
            labels=labels,
            groups=(Group(name="share of samples", values=rounded_or_none(shares)),),
        )
        numbers: Numbers = {
            "seen_share": float((uses > 0).double().mean()),
            "most": float(uses.max()),
            "duplicates": float((uses - 1).clamp_min(0).sum()),
        }
        return PictureResult(drawing, numbers)
