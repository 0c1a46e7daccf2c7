"""Luthier beside Optuna: studies in and out, our search as one of its samplers. Needs the extra `luthier[optuna]`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.optuna.pruner import LuthierPruner
    from luthier.optuna.sampler import LuthierSampler
    from luthier.optuna.studies import export_study, import_study

__all__ = ["LuthierPruner", "LuthierSampler", "export_study", "import_study"]

_HOMES = {
    "LuthierPruner": "pruner",
    "LuthierSampler": "sampler",
    "export_study": "studies",
    "import_study": "studies",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"luthier.optuna.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'luthier.optuna' has no attribute {name!r}")
