"""What a server was asked for, by options or the project's settings; plain values that reach every worker process."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, get_args

from luthier.api.project import settings as project_settings
from luthier.api.project import store_folder
from luthier.errors import BadSettings, UsageError
from luthier.registry.reference import is_name
from luthier.store.journal import Promise


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask for. Our judgement; generous for people, small for a machine.

    Parameters
    ----------
    body_bytes
        Size of a body.
    rows
        Rows of one request.
    columns
        Fields of one row; a model with more takes twice as many as it has.
    body_s
        Seconds within which a body must have come in.
    explained_rows
        Rows of one request for explanations, which cost a thousand times a prediction.
    requests_per_s
        Of one client, averaged, with bursts of ten times as many; None for no limit.
    """

    body_bytes: int = 16 << 20
    rows: int = 10_000
    columns: int = 1000
    body_s: float = 10.0
    explained_rows: int = 20
    requests_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """A server.

    Parameters
    ----------
    model
        Folder of a saved model, or the name of a registered one.
    traffic
        Folder for the prediction log and the feedback.
    name
        What the model is called in addresses; None for its registered or its folder's name.
    shadow
        A challenger that answers the same requests, unseen; None for none.
    split
        Share of those who ask, in [0, 1], who get the challenger's answers, while the champion's go unseen.
    threshold
        Binary: above which probability the positive class is decided; None for the model's own.
    abstain
        Decide nothing for rows outside of what training showed, unless the request says otherwise.
    promise
        What has happened to an answer's line in the log when the answer is sent.
    redact
        Fields that are not written to the log.
    keep_days
        Days after which the log is removed; None keeps it.
    host, port, workers
        Where, and by how many processes.
    tokens
        File of hashed tokens; needed where `host` is not this machine only.
    features
        Folder of the store whose materialized feature views are looked up; None for none.
    limits
        How much one request may ask for.
    """

    model: str
    traffic: Path
    name: str | None = None
    shadow: str | None = None
    split: float = 0.0
    threshold: float | None = None
    abstain: bool = False
    promise: Promise = "written"
    redact: tuple[str, ...] = ()
    keep_days: int | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    tokens: Path | None = None
    features: Path | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, model: str, **asked: Any) -> Self:
        """Settings with the log and the tokens in the project's own folder.

        Parameters
        ----------
        model
            As the attribute.
        asked
            Attributes of `ServeSettings` and of `Limits`. What is None is as `[serve]` in `luthier.toml` says.

        Raises
        ------
        BadSettings
            `[serve]` says something that has no meaning.
        UsageError
            What is asked for has none.
        """
        found = {**_project_wide(), **{name: value for name, value in asked.items() if value is not None}}
        limits = Limits(**{name: found.pop(name) for name in Limits.__slots__ if name in found})
        name = found.pop("name", None) or called(model)
        store = store_folder()
        traffic, tokens = store / "traffic" / name, tokens_file()
        return cls(model, traffic, name=name, tokens=tokens, features=store, limits=limits, **found)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise UsageError(f"{self.port} is no port", fix="say a port from 1 to 65535, or 0 for a free one")
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers answer nothing", fix="say at least one")
        if not 0 <= self.split <= 1:
            raise UsageError(f"a split of {self.split:g} is no share", fix="say a number from 0 to 1")
        if self.split > 0 and self.shadow is None:
            raise UsageError("there is no challenger to split with", fix="name it with --shadow")

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def _project_wide() -> dict[str, Any]:
    """What `[serve]` says, by the names of attributes."""
    found: dict[str, Any] = {}
    for key, value in project_settings("serve").items():
        if key not in _KEYS:
            raise BadSettings(f"[serve] knows no {key!r}", fix=f"choose from: {', '.join(_KEYS)}")
        setting = _KEYS[key]
        if not setting.takes(value):
            raise BadSettings(
                f"[serve] {key} = {value!r} is not {setting.wants}", fix=f"write {key} = {setting.example}"
            )
        found[setting.attribute] = setting.read(value)
    return found


@dataclass(frozen=True, slots=True)
class _Key:
    """A line of `[serve]`: which attribute it sets, what it takes, in words and by example, and how it is read."""

    attribute: str
    wants: str
    example: str
    takes: Callable[[Any], bool]
    read: Callable[[Any], Any] = lambda value: value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and math.isfinite(value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_COUNT, _AMOUNT = "a whole number above 0", "a number above 0"
_KEYS: Mapping[str, _Key] = {
    "log": _Key("promise", f"one of {', '.join(get_args(Promise))}", '"written"', lambda v: v in get_args(Promise)),
    "keep_days": _Key("keep_days", _COUNT, "90", _is_count),
    "redact": _Key("redact", "a list of names", '["email"]', _are_names, tuple),
    "abstain": _Key("abstain", "true or false", "true", lambda value: isinstance(value, bool)),
    "requests_per_s": _Key("requests_per_s", _AMOUNT, "50", _is_amount),
    "body_mb": _Key("body_bytes", _AMOUNT, "16", _is_amount, lambda value: int(value * 2**20)),
    "body_s": _Key("body_s", _AMOUNT, "10", _is_amount),
    "rows": _Key("rows", _COUNT, "10000", _is_count),
    "columns": _Key("columns", _COUNT, "1000", _is_count),
    "explained_rows": _Key("explained_rows", _COUNT, "20", _is_count),
}
"""What `[serve]` in `luthier.toml` may say."""


def as_promise(text: str) -> Promise:
    """Read what an acknowledgement is to mean.

    Raises
    ------
    UsageError
        It is none of the words.
    """
    for promise in get_args(Promise):
        if text == promise:
            known: Promise = promise
            return known
    raise UsageError(f"{text!r} is nothing a log can promise", fix=f"say one of {', '.join(get_args(Promise))}")


def tokens_file() -> Path:
    """Where the hashes of the tokens are kept."""
    return store_folder() / "tokens.json"


def called(model: str) -> str:
    """What a model is called in addresses: its registered name, or that of its folder.

    >>> called("churn@3"), called("churn-model/model"), called("models/churn")
    ('churn', 'churn-model', 'churn')
    """
    name = model.partition("@")[0]
    if is_name(name) and not Path(model).is_dir():
        return name
    path = Path(model).absolute()
    return path.parent.name if path.name == "model" and path.parent.name else path.name
