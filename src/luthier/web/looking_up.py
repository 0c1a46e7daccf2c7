"""Features of an entity, where a request names only its keys: what was materialized, as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.data.features import FeatureView
from luthier.errors import BadFeatureView
from luthier.store.feature_store import FeatureStore
from luthier.web.refusals import bad_request


class EntityLookup:
    """Fills in the features that rows lack.

    Parameters
    ----------
    folder
        Of the store; None, or one without feature views, for none.
    """

    def __init__(self, folder: Path | None) -> None:
        known = folder is not None and (folder / "features.db").is_file()
        self._store = FeatureStore(folder) if known and folder is not None else None

    def completed(self, rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The rows, with the features of those views whose columns a model reads and whose keys a row names.

        A row that brings any feature of a view itself is not looked up in it.

        Raises
        ------
        Refused
            A view is not materialized, or was changed since (409).
        """
        if self._store is None or all(field in row for row in rows for field in fields):
            return rows
        wanted = [view for view in self._store.views().values() if not set(view.columns).isdisjoint(fields)]
        return [self._completed(row, wanted, self._store) for row in rows] if wanted else rows

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()

    @staticmethod
    def _completed(row: Mapping[str, Any], views: Sequence[FeatureView], store: FeatureStore) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for view in views:
            if row.keys().isdisjoint(view.columns) and row.keys() >= set(view.keys):
                try:
                    found |= store.get(view, row)
                except BadFeatureView as error:
                    raise bad_request(409, error.what, fix=error.fix) from error
        return {**row, **found}
