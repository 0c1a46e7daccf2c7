"""What a feature is: defined once, computed the same for training and for serving."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from luthier.canonical import digest
from luthier.data.features.expectations import Expectation
from luthier.data.suggest import closest
from luthier.errors import BadFeatureView

Aggregate: TypeAlias = Literal["last", "count", "sum", "mean", "min", "max"]
AGGREGATES: Final[tuple[str, ...]] = get_args(Aggregate)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WINDOW = re.compile(r"([1-9]\d*)\s*(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Feature:
    """One value a moment and an entity have.

    Parameters
    ----------
    name
        Of the column it becomes, after the view's: letters, digits and underscores.
    aggregate
        Over the events in the window: "last" (by event time), "count" (of values that are there, or of events where no
        column is named), "sum", "mean", "min" or "max". Without any event in the window, "count" and "sum" are 0 and
        the others missing.
    column
        Of the source; None only for "count".
    window
        How far the events reach back from the moment asked about, which is included, such as "30d" (units: s, min, h,
        d, w): those after moment - window. None for all that ever happened.
    """

    name: str
    aggregate: Aggregate
    column: str | None = None
    window: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadFeatureView(
                f"a feature cannot be called {self.name!r}", fix="use letters, digits and underscores, a letter first"
            )
        if self.aggregate not in AGGREGATES:
            raise BadFeatureView(
                f"feature {self.name!r} has the aggregate {self.aggregate!r}{closest(str(self.aggregate), AGGREGATES)}",
                fix=f"use one of {', '.join(AGGREGATES)}",
            )
        if self.column is None and self.aggregate != "count":
            raise BadFeatureView(
                f"feature {self.name!r} does not say of which column it is the {self.aggregate}",
                fix=f'give the column: Feature({self.name!r}, {self.aggregate!r}, "amount")',
            )
        if self.window is not None and not _WINDOW.fullmatch(self.window):
            raise BadFeatureView(
                f"feature {self.name!r} has the window {self.window!r}", fix='say it as in "30d", "12h" or "90min"'
            )

    @property
    def window_s(self) -> int | None:
        """Seconds of the window."""
        if self.window is None:
            return None
        match = _WINDOW.fullmatch(self.window)
        assert match is not None
        return int(match[1]) * _SECONDS[match[2]]


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Features of one kind of entity, from one table of events.

    Parameters
    ----------
    name
        Of the view: letters, digits and underscores.
    source
        Path or glob of the events (CSV, JSONL, Parquet).
    keys
        Columns that name the entity.
    event_time
        Column that says when something happened.
    known_at
        Column that says when it could be known; an event is used from then on only, so that values filled in or
        corrected later cannot leak into the past. None where every event was known at once.
    features
        What is computed of it.
    event_id
        Column that tells apart events of one entity at the same time. Rows that agree in keys, event time and this are
        versions of one event: at any moment the one counts that was known last (in the file's order among equals).
        Without this and without `known_at` every row is an event of its own.
    tests
        What the source has to be like. They are run before features are joined or materialized: no model learns from
        a table that fails them, and what is served stays what it was.
    description
        For people.

    Examples
    --------
    >>> spend = FeatureView(
    ...     "spend",
    ...     "payments.parquet",
    ...     keys=["customer"],
    ...     event_time="paid_at",
    ...     known_at="booked_at",
    ...     features=[Feature("sum_30d", "sum", "amount", "30d"), Feature("n", "count")],
    ...     tests=[Expectation("amount", at_least=0, missing=0)],
    ... )
    >>> spend.columns
    ('spend__sum_30d', 'spend__n')
    """

    name: str
    source: str
    keys: Sequence[str]
    event_time: str
    features: Sequence[Feature]
    known_at: str | None = None
    event_id: str | None = None
    tests: Sequence[Expectation] = ()
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", (self.keys,) if isinstance(self.keys, str) else tuple(self.keys))
        object.__setattr__(self, "features", tuple(self.features))
        object.__setattr__(self, "tests", tuple(self.tests))
        if not _NAME.fullmatch(self.name) or "__" in self.name:
            raise BadFeatureView(
                f"a feature view cannot be called {self.name!r}",
                fix="use letters, digits and single underscores, a letter first",
            )
        if not self.keys or len(set(self.keys)) < len(self.keys):
            raise BadFeatureView(
                f"view {self.name!r} needs the columns that name its entity, each once, not {list(self.keys)}",
                fix='give them as in keys=["customer"]',
            )
        names = [feature.name for feature in self.features]
        if not names or len(set(names)) < len(names):
            raise BadFeatureView(
                f"view {self.name!r} needs features with different names, not {names}",
                fix='give at least one: Feature("n_30d", "count", window="30d")',
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the view adds to a table."""
        return tuple(f"{self.name}__{feature.name}" for feature in self.features)

    @property
    def digest(self) -> str:
        """Digest of what is computed: everything but the description, the tests and the place of the source."""
        body = self.to_json()
        del body["description"], body["tests"], body["source"]
        return digest(body)

    def broken_by(self, new: FeatureView) -> tuple[str, ...]:
        """Return the columns that users of this view would lose, or get with another meaning, from its successor."""
        if (self.keys, self.event_time, self.known_at, self.event_id) != (
            new.keys,
            new.event_time,
            new.known_at,
            new.event_id,
        ):
            return self.columns
        kept = set(new.features)
        return tuple(c for c, feature in zip(self.columns, self.features, strict=True) if feature not in kept)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "version": VERSION,
            "name": self.name,
            "source": self.source,
            "keys": list(self.keys),
            "event_time": self.event_time,
            "known_at": self.known_at,
            "event_id": self.event_id,
            "features": [
                {"name": f.name, "aggregate": f.aggregate, "column": f.column, "window": f.window}
                for f in self.features
            ],
            "tests": [test.to_json() for test in self.tests],
            "description": self.description,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave.

        Raises
        ------
        BadFeatureView
            It is of a newer form, or not a view.
        """
        if body.get("version") != VERSION:
            raise BadFeatureView(
                f"a feature view of form {body.get('version')!r} cannot be read here, which knows form {VERSION}",
                fix="use the version of Luthier that wrote it, or apply the view again",
            )
        fields = {name: value for name, value in body.items() if name not in ("version", "features", "tests")}
        tests = tuple(Expectation.from_json(test) for test in body.get("tests", ()))  # older records have none
        return cls(**fields, features=tuple(Feature(**feature) for feature in body["features"]), tests=tests)
