"""A typical row of the training table: the example in a description, and what an explanation compares with."""

from __future__ import annotations

from typing import Any

from luthier.data import Schema
from luthier.data.columns import Column, Feature


def typical_row(schema: Schema) -> dict[str, Any]:
    """Every field at its median or its most frequent value, as JSON says it; None where that is to be missing."""
    first: dict[str, Feature] = {}
    for feature in schema.features:
        first.setdefault(feature.source, feature)
    return {source: typical_value(schema.column(source), feature) for source, feature in first.items()}


def typical_value(column: Column, feature: Feature) -> Any:
    """One field of `typical_row`."""
    words = [word for word, _ in column.top]
    if feature.kind == "boolean":
        return {"true": True, "false": False}.get(words[0], words[0]) if words else True
    if feature.kind == "categorical":
        return next((word for word in words if word in feature.levels), feature.levels[0] if feature.levels else None)
    if feature.kind == "text_hash":
        return words[0] if words else None
    if column.middle is not None or column.low is None:
        return column.middle
    # Schemas written before the median was kept: halfway for numbers, the first for dates.
    halfway = isinstance(column.low, float) and isinstance(column.high, float)
    return (column.low + column.high) / 2 if halfway else column.low  # type: ignore[operator]
