"""What a server was asked for; plain values that reach every worker process."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, get_args

from luthier.api.project import store_folder
from luthier.errors import UsageError
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
    threshold
        Binary: above which probability the positive class is decided; None for one half.
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
    limits
        How much one request may ask for.
    """

    model: str
    traffic: Path
    name: str | None = None
    shadow: str | None = None
    threshold: float | None = None
    abstain: bool = False
    promise: Promise = "written"
    redact: tuple[str, ...] = ()
    keep_days: int | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    tokens: Path | None = None
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, model: str, **asked: Any) -> Self:
        """Settings with the log and the tokens in the project's own folder."""
        name = asked.pop("name", None) or called(model)
        return cls(model, store_folder() / "traffic" / name, name=name, tokens=tokens_file(), **asked)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise UsageError(f"{self.port} is no port", fix="say a port from 1 to 65535, or 0 for a free one")
        if self.workers < 1:
            raise UsageError(f"{self.workers} workers answer nothing", fix="say at least one")

    @property
    def is_private(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


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
