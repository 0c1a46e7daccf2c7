"""What a model needs to be read and to answer: every library, its version and its licence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

_LONGEST_NAME = 100
"""Beyond this a licence field holds the licence's text, not its name."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """A library as it is installed; `license` is "unknown" where its author does not say."""

    name: str
    version: str
    license: str

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {"name": self.name, "version": self.version, "license": self.license}


def dependencies_of(roots: Iterable[str]) -> tuple[Dependency, ...]:
    """Return the installed libraries among these and all that they need in turn, by name.

    Requirements of extras are left out; libraries that are not installed are passed over.
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Dependency] = {}
    waiting = [canonicalize_name(root) for root in roots]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = Dependency(str(name), installed.version, _license(installed))
        for requirement in map(Requirement, installed.requires or []):
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return tuple(found[name] for name in sorted(found))


def _license(installed: metadata.Distribution) -> str:
    """The licence as its author names it: by SPDX expression, else by classifier, else in words."""
    about = installed.metadata
    if "License-Expression" in about:
        return about["License-Expression"]
    classified = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    if classified:
        return " / ".join(classified)
    words = about["License"].strip() if "License" in about else ""
    return words if words and "\n" not in words and len(words) <= _LONGEST_NAME else "unknown"
