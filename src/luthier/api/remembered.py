"""What a monitor remembers from one look to the next: looks that were had, and alarms that were told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.api.project import store_folder
from luthier.api.resolving import Resolved
from luthier.monitoring import Alarm, Look, WatchPolicy
from luthier.store import write_text_atomic


def state_folder(name: str) -> Path:
    """Where the monitor of a model keeps what it remembers."""
    return store_folder() / "monitor" / name


class RememberedLooks:
    """Looks that were had, and alarms that were told, in one file; without a folder nothing is remembered."""

    def __init__(self, path: Path | None, header: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        self._path, self._header = path, header
        fits = body.get("header") == header
        looks = [Look.from_json(one) for one in body.get("looks", [])] if fits else []
        self._had = {_key(one): one for one in looks}
        self._told: list[list[Any]] = list(body.get("told", []))

    @classmethod
    def of(cls, folder: Path | None, found: Resolved, policy: WatchPolicy) -> RememberedLooks:
        """What is remembered in a folder; nothing without one."""
        header = {"version": 1, "model": found.version, "digest": found.digest, "policy": repr(policy)}
        path = None if folder is None else folder / "looks.json"
        body = json.loads(path.read_text()) if path is not None and path.is_file() else {}
        return cls(path, header, body)

    def find(self, key: tuple[Any, ...]) -> Look | None:
        """A look that was had."""
        return self._had.get(key)

    def keep(self, looks: Sequence[Look]) -> None:
        """Remember these, and no others."""
        self._had = {_key(one): one for one in looks}
        self._write()

    def untold(self, alarms: Sequence[Alarm]) -> list[Alarm]:
        """Those that nobody has been told of."""
        return [alarm for alarm in alarms if self._cause(alarm) not in self._told]

    def note_told(self, alarms: Sequence[Alarm]) -> None:
        """Remember that people know of these."""
        self._told += [self._cause(alarm) for alarm in alarms]
        self._write()

    def _cause(self, alarm: Alarm) -> list[Any]:
        # Labels change the moment from which losses are said to have risen; the cause remains one.
        since = None if alarm.detector == "losses" else alarm.since_us
        return [self._header["model"], alarm.detector, sorted(alarm.subject), since]

    def _write(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        looks = [one.to_json() for one in self._had.values()]
        write_text_atomic(self._path, json.dumps({"header": self._header, "looks": looks, "told": self._told}))


def _key(look: Look) -> tuple[Any, ...]:
    return (look.start_us, look.end_us, look.n, look.labels)
