"""What can be fitted: one model family a file, with its defaults, its space and its preprocessing."""

from __future__ import annotations

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
