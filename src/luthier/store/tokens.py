"""Who may ask a server: tokens with roles, of which only the hashes are kept.

A token is 32 random bytes, so that a plain SHA-256 of it can be kept: there is nothing to guess that a slow hash would
have to protect.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from luthier.errors import StoreDamaged, UsageError
from luthier.store.atomic import write_bytes_atomic

Role = Literal["reader", "predictor", "operator"]
ROLES: tuple[Role, ...] = get_args(Role)
"""What one may do, each also what those before it may: look; ask for predictions and tell labels; everything."""

PREFIX = "luthier_"
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """What is kept of a token: its hash, what it may do, and what people call it."""

    sha256: str
    role: Role
    label: str
    created_at_utc: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"{self.role!r} is no role")

    @property
    def id(self) -> str:
        """The beginning of the hash, by which a token is revoked."""
        return self.sha256[:_SHOWN]


def hashed(token: str) -> str:
    """SHA-256 of a token, as it is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_tokens(path: Path) -> list[TokenEntry]:
    """The tokens that are valid; none where there is no file.

    Raises
    ------
    StoreDamaged
        The file is not what `new_token` writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    try:
        entries = [TokenEntry(**entry) for entry in json.loads(text)["tokens"]]
    except (ValueError, TypeError, LookupError) as error:
        raise StoreDamaged(
            f"{path} does not hold tokens: {error}", fix=f"remove it and make new tokens: rm {path}"
        ) from error
    return entries


def new_token(path: Path, role: str, label: str = "") -> tuple[str, TokenEntry]:
    """Make a token and keep its hash. The token itself is returned, and nowhere else.

    Raises
    ------
    UsageError
        There is no such role.
    UnwritableFolder
        The file cannot be written.
    """
    for known in ROLES:
        if role == known:
            break
    else:
        raise UsageError(f"{role!r} is no role", fix=f"say one of {', '.join(ROLES)}")
    token = PREFIX + secrets.token_urlsafe(32)
    entry = TokenEntry(hashed(token), known, label, datetime.now(UTC).isoformat(timespec="seconds"))
    _write(path, [*read_tokens(path), entry])
    return token, entry


def revoke_token(path: Path, number: str) -> TokenEntry:
    """Make a token invalid; a running server knows it within a second.

    Raises
    ------
    UsageError
        No token, or more than one, begins so.
    """
    entries = read_tokens(path)
    found = [entry for entry in entries if number and entry.sha256.startswith(number)]
    if len(found) != 1:
        raise UsageError(
            f"{len(found)} tokens have an id that begins with {number!r}", fix="list them with `luthier token list`"
        )
    _write(path, [entry for entry in entries if entry is not found[0]])
    return found[0]


def _write(path: Path, entries: list[TokenEntry]) -> None:
    text = json.dumps({"tokens": [asdict(entry) for entry in entries]}, indent=2) + "\n"
    write_bytes_atomic(path, text.encode(), mode=0o600)
