"""Every error Luthier raises on purpose: a short letter to the person who can mend it.

`code` never changes and names the page in the docs; `what` says what happened, with the value and the place; `fix` says
what to do next, as something to type. One class per thing a caller would do differently.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar


class LuthierError(Exception):
    """Root of everything raised on purpose. Anything else that escapes is a bug of ours."""

    code: ClassVar[str] = "LU000"

    def __init__(self, what: str, *, fix: str) -> None:
        super().__init__(f"{self.code}: {what}\n  fix: {fix}")
        self.what = what
        self.fix = fix

    def __reduce__(self) -> tuple[object, tuple[type[LuthierError], str, str]]:
        # Exceptions are rebuilt from `args` when they cross a process; ours have a keyword to carry along.
        return _rebuild, (type(self), self.what, self.fix)

    def to_json(self) -> dict[str, Any]:
        """The error as the `--json` faces print it."""
        return {"code": self.code, "what": self.what, "fix": self.fix}


def _rebuild(kind: type[LuthierError], what: str, fix: str) -> LuthierError:
    return kind(what, fix=fix)


class UsageError(LuthierError):
    """The request cannot be carried out as asked (exit code 2): nothing was started and nothing was written."""

    code = "LU001"


class UnreadableData(UsageError):
    """The table is missing, empty, not UTF-8 or not of a format we read."""

    code = "LU101"


class BadColumn(UsageError):
    """A named column is missing, named twice, or holds what its role does not allow."""

    code = "LU102"


class BadFeatureView(UsageError):
    """A feature view is not well defined, cannot be computed from its source, or is not there."""

    code = "LU105"


class BadTarget(UsageError):
    """The target cannot be learned: constant, all missing, a class with one row, or unfit for the task."""

    code = "LU103"


class BadValues(UsageError):
    """A column holds infinite values."""

    code = "LU104"


class BadSpace(UsageError):
    """A search space or a configuration contradicts itself or its models."""

    code = "LU110"


class BadMetric(UsageError):
    """The metric is unknown, or does not fit the task."""

    code = "LU120"


class BadSplit(UsageError):
    """The rows cannot be split into the folds asked for."""

    code = "LU121"


class UnknownChoice(UsageError):
    """A strategy, model family or executor of that name does not exist."""

    code = "LU130"


class BadSettings(UsageError):
    """The project's `luthier.toml` cannot be read, or says something that has no meaning."""

    code = "LU140"

    @classmethod
    def check_names(cls, section: str, said: Iterable[str], known: Iterable[str]) -> None:
        """Refuse a section that has a setting we do not know."""
        known = list(known)
        unknown = sorted(set(said).difference(known))
        if unknown:
            raise cls(f"[{section}] has no setting {unknown[0]!r}", fix=f"choose from: {', '.join(known)}")


class BadBudget(UsageError):
    """The budget cannot be read, or contradicts itself."""

    code = "LU209"


class BudgetTooSmall(UsageError):
    """The budget does not admit a single fit; the message says how much is enough."""

    code = "LU210"


class NoModel(LuthierError):
    """Every fit failed, so there is nothing to choose from."""

    code = "LU220"


class Interrupted(LuthierError):
    """The run was stopped by the user; what was finished is kept and the message says how to go on."""

    code = "LU230"


class UnwritableFolder(UsageError):
    """A folder we were told to write to does not take files."""

    code = "LU301"


class StoreTooNew(UsageError):
    """The store was written by a newer Luthier."""

    code = "LU302"


class StoreDamaged(LuthierError):
    """The store's records contradict themselves: a torn or tampered file."""

    code = "LU303"


class UnknownStudy(UsageError):
    """No study of that name or id is in the store."""

    code = "LU304"


class StudyBusy(UsageError):
    """Another process is running the study."""

    code = "LU305"


class StoreUnreachable(LuthierError):
    """The server that keeps the records or the objects does not answer, or does not let us in."""

    code = "LU306"


class DamagedModel(UsageError):
    """A model folder does not match its manifest, or needs types that are not trusted."""

    code = "LU401"


class UnfitRows(UsageError):
    """Rows to predict lack columns the model needs, or hold values it cannot read."""

    code = "LU402"


class UnknownModel(UsageError):
    """No model of that name, version or alias is registered, or it was retired."""

    code = "LU403"


class BadSignature(DamagedModel):
    """A release is not signed by a key that is trusted here, or is not what was signed."""

    code = "LU404"


class NoKey(UsageError):
    """There is no key to sign with, or the file named for one does not hold an ed25519 key."""

    code = "LU405"


class GateNotMet(LuthierError):
    """A release does not meet a gate of `luthier.toml` (exit code 3): nothing was released."""

    code = "LU410"

    def __init__(self, what: str, *, fix: str, gates: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(what, fix=fix)
        self.gates = list(gates)
        """Every gate with its limit, what was measured, and whether that is enough."""

    def to_json(self) -> dict[str, Any]:
        """The error as the `--json` faces print it, all gates with it."""
        return {**super().to_json(), "gates": self.gates}


class NoBaseline(UsageError):
    """A model cannot be watched: nobody kept what it was made for, or there is nothing to hold against it."""

    code = "LU701"


class TooFewLabels(UsageError):
    """Too few predictions have a label to try a response on, or none that may be trusted."""

    code = "LU703"


class NotSent(LuthierError):
    """An alarm did not reach one of the channels it was to be sent by."""

    code = "LU702"


class JournalBehind(LuthierError):
    """A log cannot be written as fast as lines arrive, so that no more are taken for a moment."""

    code = "LU601"


class NoAccess(UsageError):
    """A request, or a server's own address, needs a token that is not there, not known, or not for this."""

    code = "LU602"


class BadRequest(UsageError):
    """A request is no JSON, too large, too deep, too slow, or not of a form that is read."""

    code = "LU603"


class MissingExtra(UsageError):
    """An optional dependency is not installed; the fix names the extra."""

    code = "LU501"


class TrackerFailed(LuthierError):
    """A tracking server (MLflow) did not answer or refused; what was to be logged is saved here all the same."""

    code = "LU502"
