"""The champion's own recipe on other rows: its members fitted again, or its chances mapped anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from luthier.errors import UsageError
from luthier.models import FAMILIES
from luthier.registry import FittedMember, pack_blend
from luthier.scoring import Estimate
from luthier.scoring.recalibration import RECALIBRATORS, Mapped, fit_recalibrator
from luthier.serving import Predictor

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Rows whose outcome is known, oldest first."""

    frame: pd.DataFrame
    y: NDArray[Any]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: slice) -> Labelled:
        return Labelled(self.frame.iloc[rows], self.y[rows])

    def first(self, share: float) -> Labelled:
        """The earlier rows."""
        return self[: round(share * len(self))]

    def rest(self, share: float) -> Labelled:
        """The rows after `first`."""
        return self[round(share * len(self)) :]

    def latest(self, n: int) -> Labelled:
        """The n newest rows."""
        return self[-n:]

    def after(self, earlier: Labelled) -> Labelled:
        """These rows, with others before them."""
        frame = pd.concat([earlier.frame, self.frame], ignore_index=True)[list(self.frame.columns)]
        return Labelled(frame, np.concatenate([earlier.y, self.y]))


def refitted(predictor: Predictor, rows: Labelled, *, seed: int = 0) -> tuple[Predictor, list[FittedMember]]:
    """The same families in the same configurations, fitted on other rows and not recalibrated.

    Raises
    ------
    UsageError
        The model is an estimator of the user's own, which only the user's program can fit.
    """
    schema, manifest = predictor.schema, predictor.manifest
    unknown = [member.family for member in manifest.members if member.family not in FAMILIES]
    if unknown:
        raise UsageError(
            f"the model is a {unknown[0]} of your own, which is fitted by your program only",
            fix="tune again: luthier.tune(..., models=...)",
        )
    facts = replace(manifest.facts, n_rows=len(rows), has_missing=True)
    members = []
    for member in manifest.members:
        family = FAMILIES[member.family]()
        X: Any = schema.encode(rows.frame) if family.input == "matrix" else schema.select(rows.frame)
        fitted = family.fit(member.config, facts, X, rows.y, seed=seed)
        members.append(FittedMember(member.family, member.config, fitted.dump(), member.weight))
    return Predictor.of(packed(predictor, members, None, rows=rows)), members


def packed(
    predictor: Predictor,
    members: list[FittedMember] | None,
    recalibrator: Mapped | None,
    *,
    rows: Labelled,
    study: str | None = None,
    score: Estimate | None = None,
    files: Mapping[str, bytes] | None = None,
    created_at_utc: str = "1970-01-01T00:00:00.000000Z",
    trained_on: str = "",
) -> dict[str, bytes]:
    """A model's files from those of another; `members` None keeps its members, whose bytes are `files`."""
    manifest = predictor.manifest
    if members is None:
        assert files is not None
        members = [
            FittedMember(
                m.family,
                m.config,
                {
                    stored.name[len(m.prefix) :]: files[stored.name]
                    for stored in manifest.files
                    if stored.name.startswith(m.prefix)
                },
                m.weight,
            )
            for m in manifest.members
        ]
    return pack_blend(
        members,
        manifest.pool,
        schema=predictor.schema,
        facts=manifest.facts,
        metric=manifest.metric,
        score=score or manifest.score,
        study=study or manifest.study,
        fingerprint=manifest.fingerprint,
        trained_on=trained_on or f"{len(rows):,} rows of live traffic",
        created_at_utc=created_at_utc,
        recalibrator=None if recalibrator is None else recalibrator.to_json(),
        threshold=manifest.threshold,
    )


def best_recalibrator(y: NDArray[Any], p: Floats) -> tuple[str, Mapped]:
    """The recalibrator that does best on the later third of the rows when learned on the earlier ones, then on all.

    Parameters
    ----------
    y, p
        (n,), (n, k): coded classes and chances as the members give them, oldest first.
    """
    cut = 2 * len(y) // 3

    def later_loss(name: str) -> float:
        chances = fit_recalibrator(name, y[:cut], p[:cut]).apply(p[cut:])
        wide = np.hstack([1 - chances, chances]) if chances.shape[1] == 1 else chances
        return float(-np.log(np.maximum(wide[np.arange(len(wide)), y[cut:]], 1e-9)).mean())

    name = min(RECALIBRATORS, key=later_loss)
    return name, fit_recalibrator(name, y, p)
