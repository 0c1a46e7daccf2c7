"""What has happened to the versions of a model: a reading of its chain of events, at any moment.

Four things happen: `version.released`, `version.promoted`, `version.rolled_back` and `version.retired`. Which version
is the champion, the challenger and the previous champion follows from them and is stored nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from luthier.errors import UnknownModel
from luthier.registry.reference import ALIASES, Reference
from luthier.tuning.record import Event

RELEASED = "version.released"
PROMOTED = "version.promoted"
ROLLED_BACK = "version.rolled_back"
RETIRED = "version.retired"
DRILLED = "rollback.drilled"


@dataclass(frozen=True, slots=True)
class Released:
    """One version as its model's history knows it.

    Attributes
    ----------
    version
        Its number, from 1.
    digest
        SHA-256 of its signed statement.
    envelope
        SHA-256 of the signed file.
    study
        The study it came from.
    at_utc
        When it was released, ISO 8601.
    retired_at_utc, retired_why
        When and why it was retired; None while it may be used.
    """

    version: int
    digest: str
    envelope: str
    study: str
    at_utc: str
    retired_at_utc: str | None = None
    retired_why: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One change of the aliases: what happened, who wanted it, when, why, on what evidence, and what holds since.

    `what` is "release", "promotion", "rollback" or "retirement"; `version` the one it is about.
    """

    what: str
    version: int
    at_utc: str
    by: str
    why: str
    evidence: Mapping[str, Any]
    aliases: Mapping[str, int | None]

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "what": self.what,
            "version": self.version,
            "at_utc": self.at_utc,
            "by": self.by,
            "why": self.why,
            "evidence": dict(self.evidence),
            "aliases": dict(self.aliases),
        }


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """The versions of a model and who held its aliases when.

    Attributes
    ----------
    name
        The model's.
    versions
        Every version, oldest first.
    champions
        Who was champion, in order: the last one is, and the one before it is who a rollback returns to. A rollback
        takes the last one off.
    challenger
        The version that is waiting to be promoted.
    moves
        Everything that changed the aliases, oldest first.
    """

    name: str
    versions: tuple[Released, ...] = ()
    champions: tuple[int, ...] = ()
    challenger: int | None = None
    moves: tuple[Move, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, name: str, events: Iterable[Event], *, at_utc: str | None = None) -> ModelHistory:
        """The history that events tell, up to and including a moment (ISO 8601, UTC) when one is given."""
        history = cls(name)
        for event in events:
            if at_utc is not None and event.at_utc > at_utc:
                break
            history = history.after(event)
        return history

    @property
    def champion(self) -> int | None:
        """The version that answers."""
        return self.champions[-1] if self.champions else None

    @property
    def previous(self) -> int | None:
        """The version that a rollback returns to."""
        return self.champions[-2] if len(self.champions) > 1 else None

    @property
    def aliases(self) -> dict[str, int | None]:
        """The version behind every alias."""
        return {"champion": self.champion, "challenger": self.challenger, "previous": self.previous}

    def after(self, event: Event) -> ModelHistory:
        """The history with one more event; kinds that concern no alias leave it as it is."""
        step = _STEPS.get(event.kind)
        if step is None:
            return self
        what, change = step
        body = event.body
        changed = change(self, event)
        move = Move(
            what,
            body["version"],
            event.at_utc,
            body["by"],
            body["why"],
            body.get("evidence", {}),
            changed.aliases,
        )
        return replace(changed, moves=(*self.moves, move))

    def find(self, reference: Reference) -> Released:
        """The version that is meant.

        Raises
        ------
        UnknownModel
            There is none, or it was retired.
        """
        number = reference.version if reference.version is not None else self.aliases[reference.alias]
        if number is None:
            raise UnknownModel(f"{self.name} has no {reference.alias}", fix=self._what_there_is())
        found = self.version(number)
        if found.retired_at_utc is not None:
            raise UnknownModel(
                f"{self.name}@{number} was retired at {found.retired_at_utc}: {found.retired_why}",
                fix=self._what_there_is(),
            )
        return found

    def version(self, number: int) -> Released:
        """A version by its number, retired or not.

        Raises
        ------
        UnknownModel
            There is none.
        """
        for version in self.versions:
            if version.version == number:
                return version
        raise UnknownModel(f"{self.name} has no version {number}", fix=self._what_there_is())

    @property
    def next_version(self) -> int:
        """The number of the version to be released next."""
        return len(self.versions) + 1

    def _what_there_is(self) -> str:
        usable = [str(version.version) for version in self.versions if version.retired_at_utc is None]
        held = [f"{alias} is version {self.aliases[alias]}" for alias in ALIASES if self.aliases[alias] is not None]
        return f"use one of the versions {', '.join(usable) or '(none)'}" + (f" ({'; '.join(held)})" if held else "")


# --- what may happen next ---------------------------------------------------------------------------------------------


def promotion(history: ModelHistory, reference: Reference) -> int:
    """The version that a promotion would make champion.

    Raises
    ------
    UnknownModel
        There is no such version, it was retired, or it is the champion already.
    """
    version = history.find(reference).version
    if version == history.champion:
        raise UnknownModel(
            f"{history.name}@{version} is the champion already",
            fix=f"release a challenger first: luthier release STUDY --name {history.name}",
        )
    return version


def rollback_of(history: ModelHistory) -> tuple[int, int]:
    """The champion that a rollback would remove, and the one it would return to.

    Raises
    ------
    UnknownModel
        There was no champion before.
    """
    if history.champion is None or history.previous is None:
        raise UnknownModel(
            f"{history.name} has no previous champion to return to",
            fix=f"promote another version: luthier promote {history.name}@VERSION",
        )
    return history.champion, history.previous


def retirement(history: ModelHistory, reference: Reference) -> int:
    """The version that would be retired.

    Raises
    ------
    UnknownModel
        There is no such version, it was retired before, or it is the champion.
    """
    version = history.find(reference).version
    others = [v for v in history.versions if v.retired_at_utc is None and v.version != version]
    if version == history.champion and others:
        raise UnknownModel(
            f"{history.name}@{version} is the champion: retiring it would leave requests without an answer",
            fix=f"make another version champion first: luthier promote {history.name}@VERSION, or "
            f"luthier rollback {history.name}",
        )
    return version


# --- how each kind of event changes what holds ------------------------------------------------------------------------


def _released(history: ModelHistory, event: Event) -> ModelHistory:
    body = event.body
    version = Released(body["version"], body["digest"], body["envelope"], body["study"], event.at_utc)
    grown = replace(history, versions=(*history.versions, version))
    if not history.champions:  # there is nobody to challenge
        return replace(grown, champions=(version.version,))
    return replace(grown, challenger=version.version)


def _promoted(history: ModelHistory, event: Event) -> ModelHistory:
    version = event.body["version"]
    challenger = None if history.challenger == version else history.challenger
    return replace(history, champions=(*history.champions, version), challenger=challenger)


def _rolled_back(history: ModelHistory, _event: Event) -> ModelHistory:
    return replace(history, champions=history.champions[:-1])


def _retired(history: ModelHistory, event: Event) -> ModelHistory:
    number, why = event.body["version"], event.body["why"]
    return replace(
        history,
        versions=tuple(
            replace(version, retired_at_utc=event.at_utc, retired_why=why) if version.version == number else version
            for version in history.versions
        ),
        champions=_without(history.champions, number),
        challenger=None if history.challenger == number else history.challenger,
    )


def _without(champions: tuple[int, ...], number: int) -> tuple[int, ...]:
    """The order of champions without one of them, and without neighbours that are the same after that."""
    left: list[int] = []
    for champion in champions:
        if champion != number and champion not in left[-1:]:
            left.append(champion)
    return tuple(left)


_STEPS = {
    RELEASED: ("release", _released),
    PROMOTED: ("promotion", _promoted),
    ROLLED_BACK: ("rollback", _rolled_back),
    RETIRED: ("retirement", _retired),
}
