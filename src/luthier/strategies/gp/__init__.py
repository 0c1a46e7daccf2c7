"""Gaussian-process search: a model of the loss over the space, and the point where improvement is expected most."""

from __future__ import annotations

from luthier.strategies.gp.search import GaussianProcess

__all__ = ["GaussianProcess"]
