"""Synthetic samples: clusters, curves and planes, as functions of a seed."""

from __future__ import annotations

import numpy as np

from tui_trainer.data.splits import MADE_UP, Floats, Ints, Samples, random, refuse_huge


def _labels(samples: int, classes: int) -> Ints:
    """Return balanced class ids."""
    return np.arange(samples) % classes


def _points(points: Floats, labels: Ints, classes: int, noise: float, rng: np.random.Generator, note: str) -> Samples:
    names = tuple(str(label) for label in range(classes))
    noisy = points + noise * rng.standard_normal(points.shape)
    return Samples(noisy, labels, names, f"{len(labels):,} points in {note}")


def blobs(seed: int, samples: int, classes: int, features: int, noise: float) -> Samples:
    """Clouds around centres that are uniform between -10 and 10."""
    refuse_huge(samples, features)
    rng = random(seed, MADE_UP)
    centres = rng.uniform(-10, 10, (classes, features))
    labels = _labels(samples, classes)
    return _points(centres[labels], labels, classes, noise, rng, f"{classes} clouds")


def moons(seed: int, samples: int, noise: float) -> Samples:
    """The upper half of a circle at the origin, and the lower half of one at (1, 0.5)."""
    rng = random(seed, MADE_UP)
    labels = _labels(samples, 2)
    angle = rng.uniform(0, np.pi, samples)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    points = np.where(labels[:, None] == 0, upper, np.array([1.0, 0.5]) - upper)
    return _points(points, labels, 2, noise, rng, "two half circles")


def circles(seed: int, samples: int, factor: float, noise: float) -> Samples:
    """Class 0 on a circle of radius 1, class 1 on one of radius `factor`."""
    rng = random(seed, MADE_UP)
    labels = _labels(samples, 2)
    angle = rng.uniform(0, 2 * np.pi, samples)
    radius = np.where(labels == 0, 1.0, factor)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return _points(points, labels, 2, noise, rng, "a circle within a circle")


def xor(seed: int, samples: int, noise: float) -> Samples:
    """Class 0 where both coordinates have one sign, class 1 where they have two."""
    rng = random(seed, MADE_UP)
    labels = _labels(samples, 2)
    first = rng.choice([-1.0, 1.0], samples)
    points = np.stack([first, np.where(labels == 0, first, -first)], 1)
    return _points(points, labels, 2, noise, rng, "the four corners of a square")


def spirals(seed: int, samples: int, classes: int, turns: float, noise: float) -> Samples:
    """Arms from near the centre to radius 1, evenly spread over the angle."""
    rng = random(seed, MADE_UP)
    labels = _labels(samples, classes)
    # The root spreads the points evenly along the arm and not crowded at the centre.
    radius = 0.1 + 0.9 * np.sqrt(rng.uniform(0, 1, samples))
    angle = 2 * np.pi * (turns * radius + labels / classes)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return _points(points, labels, classes, noise, rng, f"{classes} spiral arms")


def sine(seed: int, samples: int, periods: float, noise: float) -> Samples:
    """sin(2 pi periods x) for x between 0 and 1."""
    rng = random(seed, MADE_UP)
    inputs = rng.uniform(0, 1, (samples, 1))
    targets = np.sin(2 * np.pi * periods * inputs) + noise * rng.standard_normal((samples, 1))
    return Samples(inputs, targets, (), f"{samples:,} points on {periods:g} waves of a sine")


def arm(seed: int, samples: int, noise: float) -> Samples:
    """(cos a + cos(a + b), sin a + sin(a + b)) for angles a and b of up to a quarter turn to either side."""
    rng = random(seed, MADE_UP)
    inputs = rng.uniform(-np.pi / 2, np.pi / 2, (samples, 2))
    first, both = inputs[:, 0], inputs.sum(1)
    hands = np.stack([np.cos(first) + np.cos(both), np.sin(first) + np.sin(both)], 1)
    targets = hands + noise * rng.standard_normal((samples, 2))
    return Samples(inputs, targets, (), f"{samples:,} positions of an arm with two joints")


def least_squares(seed: int, samples: int, features: int, noise: float, condition: float) -> Samples:
    """Normal inputs whose deviations fall from 1 to 1/sqrt(condition), normal weights, normal noise."""
    refuse_huge(samples, features)
    rng = random(seed, MADE_UP)
    weights = rng.standard_normal((features, 1))
    inputs = rng.standard_normal((samples, features)) * np.logspace(0, -np.log10(condition) / 2, features)
    targets = inputs @ weights + noise * rng.standard_normal((samples, 1))
    scaled = f", condition number {condition:g}" if condition > 1 else ""
    return Samples(inputs, targets, (), f"{samples:,} samples of {features} numbers and a weighted sum of them{scaled}")


def separable(seed: int, samples: int, features: int, margin: float) -> Samples:
    """Normal points on both sides of a random plane through the origin; those within the margin are drawn again."""
    refuse_huge(samples, features)
    rng = random(seed, MADE_UP)
    plane = rng.standard_normal(features)
    plane /= np.linalg.norm(plane)
    points = rng.standard_normal((samples, features))
    distances = points @ plane
    while (near := np.abs(distances) < margin).any():
        points[near] = rng.standard_normal((int(near.sum()), features))
        distances = points @ plane
    labels = (distances > 0).astype(np.int64)
    radius, least = float(np.linalg.norm(points, axis=1).max()), float(np.abs(distances).min())
    return Samples(
        points,
        labels,
        ("0", "1"),
        f"{samples:,} points with {features} numbers each, {least:.2g} or more from a plane",
        known={"radius": radius, "margin": least, "mistakes at most": (radius / max(least, 1e-300)) ** 2},
    )
