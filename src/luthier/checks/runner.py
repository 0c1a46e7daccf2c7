"""Run the checks, within the seconds they may take together, and keep what each said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from luthier.checks.check import Check
from luthier.checks.context import Context
from luthier.checks.finding import Finding, Severity, Silent
from luthier.data.provenance import Provenance

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Checkup:
    """What all checks said of a table.

    Parameters
    ----------
    findings
        What stands, the most severe first.
    ignored
        Findings that the user set aside, and why: pairs of finding and reason.
    quiet
        Codes of the checks that looked and found nothing.
    silent
        Checks that could not say, by code.
    seconds
        What each check took, by code.
    provenance
        Where the table came from, how it was read and which rows were left out.
    """

    findings: tuple[Finding, ...]
    ignored: tuple[tuple[Finding, str], ...]
    quiet: tuple[str, ...]
    silent: Mapping[str, Silent]
    seconds: Mapping[str, float]
    provenance: Provenance

    @property
    def failed(self) -> bool:
        """Whether a finding of severity `error` stands."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; without `seconds`, which are of the machine and not of the table."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "ignored": [{**finding.to_dict(), "why": why} for finding, why in self.ignored],
            "quiet": list(self.quiet),
            "silent": [{"code": code, "kind": said.kind, "why": said.why} for code, said in self.silent.items()],
            "provenance": self.provenance.to_json(),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(
            findings=tuple(Finding.from_dict(entry) for entry in body["findings"]),
            ignored=tuple(
                (Finding.from_dict({key: value for key, value in entry.items() if key != "why"}), str(entry["why"]))
                for entry in body["ignored"]
            ),
            quiet=tuple(body["quiet"]),
            silent={entry["code"]: Silent(entry["kind"], entry["why"]) for entry in body["silent"]},
            seconds={},
            provenance=Provenance.from_json(body["provenance"]),
        )


def run_checks(
    checks: Iterable[Check],
    context: Context,
    *,
    clock: Callable[[], float],
    allowance_s: float = math.inf,
    ignore: Mapping[str, str] | None = None,
) -> Checkup:
    """Let every check look, the quickest first; one that would probably pass the allowance says so instead.

    Parameters
    ----------
    clock
        Seconds from any fixed moment.
    allowance_s
        Seconds that all of them may take together.
    ignore
        Codes whose findings the user sets aside, with the reason for each.
    """
    asides = ignore or {}
    end = clock() + allowance_s
    bounded = replace(context, left_s=lambda: end - clock())
    found: list[Finding] = []
    quiet: list[str] = []
    silent: dict[str, Silent] = {}
    seconds: dict[str, float] = {}
    pace, taken, foreseen = 1.0, 0.0, 0.0  # seconds a second of work takes here: another machine, or a busy one
    for work, check in sorted(((check.seconds(context), check) for check in checks), key=lambda pair: pair[0]):
        expected = work * pace
        if expected > bounded.left_s():
            silent[check.code] = Silent(
                "out of time", f"it takes about {expected:.1f} s and {max(bounded.left_s(), 0.0):.1f} s are left"
            )
            continue
        began = clock()
        said = check.look(bounded)
        seconds[check.code] = clock() - began
        if work > 0:
            foreseen += work
            taken += seconds[check.code]
            pace = max(1.0, taken / foreseen)
        if isinstance(said, Silent):
            silent[check.code] = said
        elif said:
            found.extend(said)
        else:
            quiet.append(check.code)
    ranked = sorted(found, key=lambda finding: _ORDER[finding.severity])
    return Checkup(
        findings=tuple(finding for finding in ranked if finding.code not in asides),
        ignored=tuple((finding, asides[finding.code]) for finding in ranked if finding.code in asides),
        quiet=tuple(quiet),
        silent=silent,
        seconds=seconds,
        provenance=context.dataset.provenance,
    )
