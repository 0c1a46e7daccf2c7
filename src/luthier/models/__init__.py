"""What can be fitted: one model family a file, with its defaults, its space and its preprocessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luthier.lazily import lazily

if TYPE_CHECKING:
    from luthier.models.catalogue import FAMILIES, families_for, join_config, joint_default, joint_space, split_config
    from luthier.models.estimator import EstimatorFamily
    from luthier.models.facts import Facts, Task
    from luthier.models.family import Config, Family, Files, Fitted, FittedPath, Floats, PathFamily

__all__ = [
    "FAMILIES",
    "Config",
    "EstimatorFamily",
    "Facts",
    "Family",
    "Files",
    "Fitted",
    "FittedPath",
    "Floats",
    "PathFamily",
    "Task",
    "families_for",
    "join_config",
    "joint_default",
    "joint_space",
    "split_config",
]

__getattr__ = lazily(
    __name__,
    {
        "models.catalogue": ("FAMILIES", "families_for", "join_config", "joint_default", "joint_space", "split_config"),
        "models.estimator": ("EstimatorFamily",),
        "models.facts": ("Facts", "Task"),
        "models.family": ("Config", "Family", "Files", "Fitted", "FittedPath", "Floats", "PathFamily"),
    },
)
