"""Features defined once and used the same in training and serving: the definitions, and the verbs for them.

>>> from luthier.features import Feature, FeatureView
>>> spend = FeatureView(
...     "spend",
...     "payments.parquet",
...     keys=["customer"],
...     event_time="paid_at",
...     known_at="booked_at",
...     features=[Feature("sum_30d", "sum", "amount", "30d")],
... )

Write views into a Python file and say `luthier features apply FILE`, or `apply([spend])`; then
`luthier.tune(..., features=["spend"], at="asked_at")`.
"""

from __future__ import annotations

from luthier.api.features import apply_views as apply
from luthier.api.features import check_views as check
from luthier.api.features import consumers_of, list_views
from luthier.api.features import get_features as get
from luthier.api.features import join_features as join
from luthier.api.features import materialize_views as materialize
from luthier.data.features import AGGREGATES, Expectation, Feature, FeatureView, Tested, point_in_time_join
from luthier.store.feature_store import Materialized

__all__ = [
    "AGGREGATES",
    "Expectation",
    "Feature",
    "FeatureView",
    "Materialized",
    "Tested",
    "apply",
    "check",
    "consumers_of",
    "get",
    "join",
    "list_views",
    "materialize",
    "point_in_time_join",
]
