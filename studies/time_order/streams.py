"""Streams made to be judged: each a year-dated sequence whose law is known to change in one way, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from luthier.scoring.forward import YEAR_S

Floats = NDArray[np.float64]
D = 4
START_S = 1.5e9


@dataclass(frozen=True)
class Stream:
    X: Floats
    y: Floats
    times: Floats
    model: Callable[[], Any] = LinearRegression


def slow(n: int, memory: float, rng: np.random.Generator, shape: tuple[int, ...] = ()) -> Floats:
    """(n, *shape): a stationary first-order autoregression of variance one that forgets in `memory` steps."""
    phi = np.exp(-1 / memory)
    shocks = rng.normal(size=(n, *shape)) * np.sqrt(1 - phi**2)
    out = np.empty_like(shocks)
    state = rng.normal(size=shape)
    for i in range(n):
        state = phi * state + shocks[i]
        out[i] = state
    return out


def _regression(n: int, rng: np.random.Generator, beta: Floats, noise: Floats, years: float = 1.0) -> Stream:
    X = rng.normal(size=(n, D))
    return Stream(X, (X * beta).sum(axis=1) + noise, START_S + np.linspace(0, years * YEAR_S, n))


def steady(n: int, rng: np.random.Generator) -> Stream:
    return _regression(n, rng, np.ones((n, D)), rng.normal(size=n))


def correlated_noise(n: int, rng: np.random.Generator) -> Stream:
    return _regression(n, rng, np.ones((n, D)), slow(n, 10, rng))


def moods(n: int, rng: np.random.Generator) -> Stream:
    """The noise is loud and quiet by turns, each lasting about a twentieth of the stream."""
    return _regression(n, rng, np.ones((n, D)), rng.normal(size=n) * np.exp(0.5 * slow(n, n / 20, rng)))


def regimes(n: int, rng: np.random.Generator) -> Stream:
    """Coefficients jump to new ones about ten times."""
    regime = np.cumsum(rng.random(n) < 10 / n)
    return _regression(n, rng, rng.normal(size=(n, D))[regime], rng.normal(size=n))


def wandering(n: int, rng: np.random.Generator) -> Stream:
    """Coefficients walk without ever coming back: over the whole stream, as far as they are large."""
    return _regression(n, rng, 1 + np.cumsum(rng.normal(size=(n, D)), axis=0) / np.sqrt(n), rng.normal(size=n))


def louder(n: int, rng: np.random.Generator) -> Stream:
    """The noise grows steadily to twice its size: a trend that no past window shows in full."""
    return _regression(n, rng, np.ones((n, D)), rng.normal(size=n) * np.linspace(1, 2, n))


def clock(n: int, rng: np.random.Generator) -> Stream:
    """The level walks and a tree is told the time: neighbours in time give each other away."""
    level = 3 * np.cumsum(rng.normal(size=n)) / np.sqrt(n)
    t = np.linspace(0, 1, n)
    X = np.column_stack([rng.normal(size=(n, 2)), t])
    y = X[:, 0] + level + 0.5 * rng.normal(size=n)
    return Stream(X, y, START_S + t * YEAR_S, lambda: DecisionTreeRegressor(min_samples_leaf=5, random_state=0))


def seasons(n: int, rng: np.random.Generator) -> Stream:
    """Three years of which 2.1 are known; every year has its loud and its quiet part."""
    years = 3.0
    season = 2 * np.pi * (np.linspace(0, years, n) + rng.random())
    return _regression(n, rng, np.ones((n, D)), rng.normal(size=n) * np.exp(0.6 * np.sin(season)), years)


STREAMS = {f.__name__: f for f in (steady, correlated_noise, moods, regimes, wandering, louder, clock, seasons)}
