"""For whom the model fails: what a search for slices found, in values and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from luthier.canonical import finite
from luthier.data.slices import Slice
from luthier.evaluation.evidence import WRONG
from luthier.scoring import Estimate

MOST_SHOWN = 8
"""Findings that are shown to people."""


@dataclass(frozen=True, slots=True)
class SliceFinding:
    """Rows on which the model does worse.

    Attributes
    ----------
    rows
        Which they are.
    n, share
        How many in the whole table, and what part of it.
    error, rest
        Mean error inside and outside, on the rows on which the slice was tested.
    surplus
        Their difference; how it was found says for what the interval allows.
    p
        How often chance alone would show as much, everything that was looked at allowed for.
    """

    rows: Slice
    n: int
    share: float
    error: float
    rest: float
    surplus: Estimate
    p: float

    @property
    def ratio(self) -> float:
        """Error inside over error outside; infinite where there is none outside."""
        return self.error / self.rest if self.rest > 0 else math.inf

    def advice(self) -> tuple[str, ...]:
        """What could be done, most useful first, as sentences with something to type."""
        typed = str(self.rows).replace("'", "'\\''")
        return (
            f"Collect more rows of {self.rows}; there are {self.n} of them so far.",
            f"Tune again with these rows counting more, and see if it helps: --reweight '{typed}'.",
            f"Until then have a person look at the answers for {self.rows}.",
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `slice` is the text that `--reweight` takes."""
        return {
            "slice": str(self.rows),
            "columns": list(self.rows.columns),
            "n": self.n,
            "share": self.share,
            "error": self.error,
            "rest": self.rest,
            "ratio": finite(self.ratio),
            "surplus": self.surplus.to_json(),
            "p": self.p,
            "advice": list(self.advice()),
        }


@dataclass(frozen=True, slots=True)
class Slices:
    """The outcome of a search for slices.

    Attributes
    ----------
    findings
        The worst first; empty where nothing was found beyond chance.
    error
        What an error is, in words: "wrong answers", "squared error", ...
    mean
        Mean error over all rows.
    n, n_columns
        Rows and columns looked at.
    n_searched
        Slices of enough rows that were compared, over all looks.
    smallest
        Rows of the smallest slice looked at: what is rarer was not.
    enough
        Whether there were rows enough to find anything.
    complete
        Whether every slice of up to three conditions was within reach of the search.
    false_share
        Most of what is reported that is chance, on average.
    """

    findings: tuple[SliceFinding, ...]
    error: str
    mean: float
    n: int
    n_columns: int
    n_searched: int
    smallest: int
    enough: bool
    complete: bool
    false_share: float

    @property
    def is_share(self) -> bool:
        """Whether an error is a share of answers that are wrong, and not an amount."""
        return self.error == WRONG

    @property
    def sentence(self) -> str:
        """The answer in words."""
        if not self.enough:
            return f"{self.n} rows are too few to find parts of the table that do worse than others"
        if not self.findings:
            return f"no part of the table does worse than the rest beyond chance ({self.n_searched:,} were compared)"
        several = "part of the table does" if len(self.findings) == 1 else "parts of the table do"
        return f"{len(self.findings)} {several} worse than the rest beyond chance ({self.n_searched:,} were compared)"

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "error": self.error,
            "mean": finite(self.mean),
            "n": self.n,
            "n_columns": self.n_columns,
            "n_searched": self.n_searched,
            "smallest": self.smallest,
            "enough": self.enough,
            "complete": self.complete,
            "false_share": self.false_share,
        }

    def lines(self) -> list[str]:
        """The answer, the worst slices, and what could be done about each."""
        lines = [self.sentence]
        for found in self.findings[:MOST_SHOWN]:
            lines.append(
                f"{found.rows}: {self.error} {found.error:.3g}, elsewhere {found.rest:.3g} "
                f"({found.n} rows, {100 * found.share:.1f} %; surplus {found.surplus}; p {found.p:.2g})"
            )
            lines += [f"  {advice}" for advice in found.advice()]
        if len(self.findings) > MOST_SHOWN:
            lines.append(f"and {len(self.findings) - MOST_SHOWN} more, all in --json")
        return lines
