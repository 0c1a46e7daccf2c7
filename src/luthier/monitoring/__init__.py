"""Watch the answers: what a model is asked, and what it says, against what it was made for. One detector a file.

Two samples: `ks` (numbers), `chi_square` (words), `missing`, `value_range`, and `classifier` (all columns together).
Drift: `counts` and `sample` (what is kept of a column, and of the rows), `window` (a reference, and live rows in its
bins), `drift` (the verdict on every column and on all together).
With labels: `feedback` (which label is in force, how long labels take), `online` (what the model delivers).
"""

from __future__ import annotations

from luthier.monitoring.chi_square import chi_square, chi_square_of_counts
from luthier.monitoring.classifier import ClassifierTwoSample, classifier_two_sample
from luthier.monitoring.drift import ColumnDrift, Drift, find_drift
from luthier.monitoring.feedback import Delay, Joined
from luthier.monitoring.ks import ks, ks_of_counts
from luthier.monitoring.missing import missing_rate
from luthier.monitoring.online import OnlineScore, Period, SliceScore, online_score
from luthier.monitoring.two_sample import TwoSample
from luthier.monitoring.value_range import outside_range
from luthier.monitoring.window import Reference, Window

__all__ = [
    "ClassifierTwoSample",
    "ColumnDrift",
    "Delay",
    "Drift",
    "Joined",
    "OnlineScore",
    "Period",
    "Reference",
    "SliceScore",
    "TwoSample",
    "Window",
    "chi_square",
    "chi_square_of_counts",
    "classifier_two_sample",
    "find_drift",
    "ks",
    "ks_of_counts",
    "missing_rate",
    "online_score",
    "outside_range",
]
