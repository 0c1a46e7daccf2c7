"""Features defined once: the same values for training, as of every row's moment, and for serving."""

from __future__ import annotations

from luthier.data.features.expectations import Expectation, Tested
from luthier.data.features.join import (
    TimelineRows,
    count_events,
    key_text,
    point_in_time_join,
    require_tested,
    run_tests,
    timeline_rows,
)
from luthier.data.features.view import AGGREGATES, Feature, FeatureView

__all__ = [
    "AGGREGATES",
    "Expectation",
    "Feature",
    "FeatureView",
    "Tested",
    "TimelineRows",
    "count_events",
    "key_text",
    "point_in_time_join",
    "require_tested",
    "run_tests",
    "timeline_rows",
]
