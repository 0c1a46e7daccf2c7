"""Luthier beside Optuna: studies in and out, our search as one of its samplers. Needs the extra `luthier[optuna]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.optuna.pruner import LuthierPruner
    from luthier.optuna.sampler import LuthierSampler
    from luthier.optuna.studies import export_study, import_study

__all__ = [
    "LuthierPruner",
    "LuthierSampler",
    "export_study",
    "import_study",
]

__getattr__ = lazily(
    __name__,
    {
        "optuna.pruner": ("LuthierPruner",),
        "optuna.sampler": ("LuthierSampler",),
        "optuna.studies": ("export_study", "import_study"),
    },
)
