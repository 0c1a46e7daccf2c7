"""Watch the answers: what a model is asked, and what it says, against what it was made for. One detector a file.

Two samples: `ks` (numbers), `chi_square` (words), `missing`, `value_range`, and `classifier` (all columns together).
Drift: `counts` and `sample` (what is kept of a column, and of the rows), `window` (a reference, and live rows in its
bins), `drift` (the verdict on every column and on all together).
With labels: `feedback` (which label is in force, how long labels take), `online` (what the model delivers),
`calibration`, `losses` and `concept` (has it become worse, at any time), `where` (for whom), `label_sources` (whose
labels tell another story), `paired` (champion against challenger). Before labels come: `without_labels`.
All together: `baseline` (what a model was made for), `look` (one period against it), `watch` (look after look),
`alarms` (how many may be false in a year, and one cause told once).
"""

from __future__ import annotations

from luthier.monitoring.alarms import Alarm, AlarmBudget, deduplicate, gathered
from luthier.monitoring.baseline import Baseline
from luthier.monitoring.calibration import calibration_drift
from luthier.monitoring.chi_square import chi_square, chi_square_of_counts
from luthier.monitoring.classifier import ClassifierTwoSample, classifier_two_sample
from luthier.monitoring.concept import ConceptDrift
from luthier.monitoring.drift import ColumnDrift, Drift, find_drift
from luthier.monitoring.feedback import Delay, Joined
from luthier.monitoring.ks import ks, ks_of_counts
from luthier.monitoring.label_sources import LabelSource, screen_sources
from luthier.monitoring.look import Look
from luthier.monitoring.losses import BoundedLoss
from luthier.monitoring.missing import missing_rate
from luthier.monitoring.online import OnlineScore, Period, SliceScore, online_score
from luthier.monitoring.paired import PairedComparison
from luthier.monitoring.two_sample import TwoSample
from luthier.monitoring.value_range import outside_range
from luthier.monitoring.watch import Live, Watched, WatchPolicy, watch
from luthier.monitoring.window import Reference, Window
from luthier.monitoring.without_labels import ExpectedScore, expected_score

__all__ = [
    "Alarm",
    "AlarmBudget",
    "Baseline",
    "BoundedLoss",
    "ClassifierTwoSample",
    "ColumnDrift",
    "ConceptDrift",
    "Delay",
    "Drift",
    "ExpectedScore",
    "Joined",
    "LabelSource",
    "Live",
    "Look",
    "OnlineScore",
    "PairedComparison",
    "Period",
    "Reference",
    "SliceScore",
    "TwoSample",
    "WatchPolicy",
    "Watched",
    "Window",
    "calibration_drift",
    "chi_square",
    "chi_square_of_counts",
    "classifier_two_sample",
    "deduplicate",
    "expected_score",
    "find_drift",
    "gathered",
    "ks",
    "ks_of_counts",
    "missing_rate",
    "online_score",
    "outside_range",
    "screen_sources",
    "watch",
]
