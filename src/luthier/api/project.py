"""A project: its folder, its settings (`luthier.toml`) and the keys that sign and check its releases."""

from __future__ import annotations

import getpass
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luthier.errors import BadSettings, NoKey, UsageError
from luthier.registry import envelope
from luthier.store import Store, write_bytes_atomic, write_text_atomic

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SETTINGS = "luthier.toml"
PUBLIC_KEY = "luthier.pub"
KEY_VARIABLE = "LUTHIER_SIGNING_KEY"
"""Names a private key elsewhere, for machines that release for several people."""

_PRIVATE_KEY = "signing.pem"

_TEMPLATE = """\
# Settings of this project. Every line that begins with # shows what may be written; nothing here is required.

[signing]
# Public keys whose releases are trusted, beside your own. To commit: they are no secret.
trusted = ["luthier.pub"]

[gates]
# What a model must show before `luthier release` lets it out (exit code 3 when it does not).
# A gate whose fact was not measured is not met.
# min_honest_low = 0.80          # lower end of the honest score, where higher is better (roc_auc, accuracy, r2, ...)
# max_honest_high = 12.5         # upper end of the honest score, where lower is better (log_loss, rmse, ...)
# max_calibration_error = 0.05   # debiased, in [0, 1]
# min_worst_slice_low = 0.70     # the same ends for the slice of rows the model does worst on
# max_worst_slice_high = 20.0
# no_open_errors = true          # no finding of severity "error" that nobody has waived
# max_ms_per_1000_rows = 100.0   # milliseconds to answer 1,000 rows in one call
# max_size_mb = 50.0             # millions of bytes of the model's files

[serve]
# What `luthier serve` does unless its options say otherwise.
# redact = ["email", "name"]     # fields that are never written to the prediction log
# keep_days = 90                 # days after which the log is removed; without this line it is kept
# log = "written"                # when an answer is sent, its log line is: "queued", "written" or "synced"
# abstain = false                # decide nothing for rows outside of what training showed
# requests_per_s = 50            # of one client, with bursts of ten times as many
# body_mb = 16                   # limits of one request: size, rows, fields of a row, seconds to send it
# rows = 10000
# columns = 1000
# body_s = 10
# explained_rows = 20            # rows of one request for explanations

[monitor]
# What `luthier monitor` holds a model in use to.
# alarms_per_year = 1            # false alarms a year, over all detectors
# every = "1d"                   # length of the periods that are looked at
# least_effect = 0.05            # share of the rows that must differ for a drift to matter

[lifecycle]
# What may change by itself: `luthier retune` and `luthier tick` (for cron) keep to it.
# responses = ["recalibrate", "refit", "warm re-tune", "full re-tune"]
# promote = "auto"               # or "ask": a proven challenger waits for `luthier promote`
# proof = "shadow"               # or "labels": in use at once, on probation, where labels it had no part in prove it
# roll_back = true               # a new champion that does harm is taken back
# budget = "5m"                  # of a full re-tune; a warm one has three tenths of it
# retunes_per_month = 4
# least_labels = 300
# alpha = 0.05                   # chance of ever promoting what is no better
# probation_labels = 5000
# every_days = 30                # look after the model although nothing is alarming

[alarms]
# Where `luthier monitor NAME --send` tells of alarms, each cause once.
# log = "alarms.jsonl"
# webhook = "https://chat.example.org/hook"
# command = "notify-send Luthier"
# email_to = "shop@example.org"  # with LUTHIER_SMTP_PASSWORD in the environment where `user` is given
# email_from = "luthier@example.org"
# smtp = "mail.example.org:587"
# user = "luthier"

[cost]
# What errors cost in your own money: the monitor then says what a case costs.
# fn = 50                        # a positive case that is missed
# fp = 2                         # a negative case that is called positive
"""


def init(folder: str | os.PathLike[str] = ".") -> dict[str, Any]:
    """Make a folder a project: a store, a pair of signing keys, and a commented `luthier.toml`.

    What is there already is left as it is, so that saying it again is harmless.

    Parameters
    ----------
    folder
        The project's folder; made when there is none.

    Returns
    -------
    dict
        `folder`, `store`, `settings`, `public_key` (paths), `key_id`, and `made`: which of them are new.

    Raises
    ------
    UnwritableFolder
        The folder does not take files.
    NoKey
        The key that is there is no ed25519 key.
    """
    root = Path(folder)
    made: list[str] = []
    store = store_folder(root)
    private, public, settings = store / "keys" / _PRIVATE_KEY, root / PUBLIC_KEY, root / SETTINGS
    address = address_of_store()
    if address is None and not (store / "meta.db").exists():
        made.append(str(store))
    Store.open(address or store).close()
    if not private.exists():
        _write_private(private)
        made.append(str(private))
    key = _read_private(private)
    if not public.exists():
        write_bytes_atomic(public, envelope.public_pem(key.public_key()))
        made.append(str(public))
    if not settings.exists():
        write_text_atomic(settings, _TEMPLATE)
        made.append(str(settings))
    return {
        "folder": str(root),
        "store": str(store),
        "settings": str(settings),
        "public_key": str(public),
        "key_id": envelope.key_id(key.public_key()),
        "made": made,
    }


def settings(section: str) -> dict[str, Any]:
    """One section of the current folder's `luthier.toml`; empty when there is no such file or section.

    Raises
    ------
    BadSettings
        The file is not TOML, or the section is no table.
    """
    try:
        with Path(SETTINGS).open("rb") as file:
            found = tomllib.load(file).get(section, {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadSettings(f"{SETTINGS} cannot be read: {error}", fix="mend the line it names") from error
    if not isinstance(found, dict):
        raise BadSettings(f"{section} in {SETTINGS} is no section", fix=f"begin it with a line [{section}]")
    return found


def store_folder(root: Path = Path()) -> Path:
    """The project's own folder: where its keys are, and its records unless they live in a database elsewhere."""
    named = os.environ.get("LUTHIER_STORE")
    return Path(named).expanduser() if named and address_of_store() is None else root / ".luthier"


def address_of_store() -> str | None:
    """The address of the database that `LUTHIER_STORE` names; None where records are in a folder."""
    named = os.environ.get("LUTHIER_STORE", "")
    return named if "://" in named else None


def signing_key() -> Ed25519PrivateKey:
    """The key that signs releases: the one `LUTHIER_SIGNING_KEY` names, else the project's, made when there is none.

    Raises
    ------
    NoKey
        The file holds no ed25519 key, or the one that was named is not there.
    """
    if named := os.environ.get(KEY_VARIABLE):
        return _read_private(Path(named).expanduser())
    private = store_folder() / "keys" / _PRIVATE_KEY
    if not private.exists():
        _write_private(private)
    return _read_private(private)


def trusted_keys(more: str | os.PathLike[str] | None = None) -> list[Ed25519PublicKey]:
    """Keys whose signatures count: our own, those of `[signing] trusted`, and one more by its file.

    Raises
    ------
    NoKey
        A file that is named does not exist, or holds no ed25519 public key.
    BadSettings
        `trusted` is no list of paths.
    """
    found = []
    own = os.environ.get(KEY_VARIABLE)
    private = Path(own).expanduser() if own else store_folder() / "keys" / _PRIVATE_KEY
    if own or private.exists():
        found.append(_read_private(private).public_key())
    named = settings("signing").get("trusted", [])
    if not (isinstance(named, list) and all(isinstance(path, str) for path in named)):
        raise BadSettings("[signing] trusted is no list of paths", fix=f'write trusted = ["{PUBLIC_KEY}"]')
    for path in (*named, *([] if more is None else [more])):
        found.append(envelope.read_public(_key_bytes(Path(path))))
    return found


def _write_private(path: Path) -> None:
    """Make a private key in a file that only its owner can read."""
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    write_bytes_atomic(path, envelope.private_pem(envelope.new_key()), mode=0o600)


def _read_private(path: Path) -> Ed25519PrivateKey:
    return envelope.read_private(_key_bytes(path))


def _key_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NoKey(
            f"cannot read the key {path}: {error.strerror or error}",
            fix="make a pair of keys with `luthier init`, or name another file",
        ) from error


def at_utc(moment: str) -> str:
    """A moment as records write it, from ISO 8601 as people do; UTC unless it says otherwise.

    A date alone means the end of that day.

    Raises
    ------
    UsageError
        It is no moment.

    >>> at_utc("2026-03-01T12:00")
    '2026-03-01T12:00:00.000000Z'
    """
    from datetime import UTC, datetime, timedelta

    try:
        read = datetime.fromisoformat(moment)
    except ValueError as error:
        raise UsageError(f"{moment!r} is no moment", fix="write it as 2026-03-01T12:00 (UTC)") from error
    if len(moment) == len("2026-03-01"):
        read += timedelta(days=1, microseconds=-1)
    read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return read.isoformat(timespec="microseconds").replace("+00:00", "Z")


def user() -> str:
    """Who is at work, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
