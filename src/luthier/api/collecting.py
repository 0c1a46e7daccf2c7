"""What the store holds and nobody refers to."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from luthier.store import Store


def collect_objects(*, dry_run: bool = False, store: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Remove stored bytes that no study and no release refers to, such as those of a release that was cut short.

    Parameters
    ----------
    dry_run
        Only count them.
    store
        Default: `LUTHIER_STORE`, else `.luthier` in the current folder.

    Returns
    -------
    dict
        `n_objects`, `n_bytes`, `dry_run`.

    Raises
    ------
    UnknownStudy
        There is no store.
    """
    with Store.open(store, create=False) as opened:
        return {**asdict(opened.collect(dry_run=dry_run)), "dry_run": dry_run}
