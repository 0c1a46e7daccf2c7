"""An existing Feast repository's feature services, for training and online."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luthier.data import read_rows
from luthier.errors import BadFeatureView, MissingExtra

if TYPE_CHECKING:
    import pandas as pd

_PLACE = "luthier_row"
_MOMENT = "event_timestamp"  # what Feast calls a row's moment


@dataclass(frozen=True, slots=True, eq=False)
class FeastJoin:
    """A table with the features of a Feast service.

    Attributes
    ----------
    table
        As many rows as were given, in their order, with their index. Where Feast lost a row its features are missing.
    lost
        Positions of the rows that Feast did not give back.
    """

    table: pd.DataFrame
    lost: tuple[int, ...]


def historical_features(repository: str | os.PathLike[str], service: str, rows: Any, *, at: str) -> FeastJoin:
    """Join a Feast service's features to rows as Feast does, and say which rows it lost.

    Parameters
    ----------
    repository
        Folder with `feature_store.yaml`.
    service
        Name of a feature service.
    rows
        Path, glob or frame with the join keys.
    at
        Column of the rows' moments.

    Raises
    ------
    MissingExtra
        Feast is not installed.
    BadFeatureView
        The repository has no such service, or Feast cannot join it.
    """
    import pandas as pd

    given = read_rows(rows)
    if at not in given.columns:
        raise BadFeatureView(f"there is no column {at!r} of moments in the rows", fix="name one that is there: at=...")
    asked = given.copy()
    asked[_MOMENT], asked[_PLACE] = pd.to_datetime(given[at], utc=True), range(len(given))
    store, wanted = _service(repository, service)
    try:
        found = store.get_historical_features(entity_df=asked, features=wanted).to_df()
    except Exception as error:  # Feast raises whatever the store beneath it raises
        raise BadFeatureView(
            f"Feast cannot join {service!r}: {str(error).splitlines()[0][:200]}", fix="try it in Feast itself"
        ) from error
    added = [column for column in found.columns if column not in asked.columns]
    placed = found.drop_duplicates(_PLACE).set_index(_PLACE)[added].reindex(range(len(given)))
    lost = tuple(sorted(set(range(len(given))) - set(found[_PLACE].tolist())))
    return FeastJoin(pd.concat([given, placed.set_index(given.index)], axis=1), lost)


def online_features(
    repository: str | os.PathLike[str], service: str, entities: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Read a Feast service's online features of entities, in their order, as Feast gives them.

    Raises
    ------
    MissingExtra, BadFeatureView
        As `historical_features`.
    """
    store, wanted = _service(repository, service)
    answer = store.get_online_features(features=wanted, entity_rows=[dict(entity) for entity in entities]).to_dict()
    return [dict(zip(answer, values, strict=True)) for values in zip(*answer.values(), strict=True)]


def _service(repository: str | os.PathLike[str], service: str) -> tuple[Any, Any]:
    try:
        from feast.errors import FeastObjectNotFoundException

        from feast import FeatureStore
    except ImportError as error:
        raise MissingExtra("Feast is not installed here", fix="pip install 'luthier[feast]'") from error
    store = FeatureStore(repo_path=os.fspath(repository))
    try:
        return store, store.get_feature_service(service)
    except FeastObjectNotFoundException as error:
        known = ", ".join(sorted(one.name for one in store.list_feature_services())) or "none"
        raise BadFeatureView(
            f"the Feast repository has no feature service {service!r}", fix=f"name one that is there: {known}"
        ) from error
