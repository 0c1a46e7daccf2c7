"""Where the served models are: a registered name, whose aliases move, or a folder, which may be replaced."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from luthier.api import load
from luthier.api.resolving import history_of, resolve
from luthier.errors import DamagedModel, UnknownModel
from luthier.registry import MANIFEST, Reference
from luthier.web.live import Finder, LiveModels, Located
from luthier.web.settings import ServeSettings, called

_VERSION = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """Finders for what was asked to be served."""

    champion: Finder
    shadow: Finder | None
    threshold: float | None
    name: str

    def check(self) -> None:
        """Look once, so that a model that is not there is known before anything is started.

        Raises
        ------
        LuthierError
            It cannot be found.
        """
        self.champion()
        if self.shadow is not None:
            self.shadow()

    def live(self) -> LiveModels:
        """Load what is found."""
        return LiveModels(self.champion, self.shadow, threshold=self.threshold)


def find_models(settings: ServeSettings) -> Finding:
    """Return the finders for a server's models."""
    name = settings.name or called(settings.model)
    champion = _finder(settings.model, name)
    shadow = None if settings.shadow is None else _finder(settings.shadow, name)
    return Finding(champion, shadow, settings.threshold, name)


def _finder(model: str, name: str) -> Finder:
    with suppress(UnknownModel):  # a path is no name, and a name that is not registered may be a folder's
        history_of(Reference.parse(model).name)
        return registry_finder(model)
    return folder_finder(resolve(model).folder, name)


def registry_finder(model: str) -> Finder:
    """Return a finder of a registered model: it follows the alias from version to version."""
    reference = Reference.parse(model)

    def find() -> Located | None:
        history = history_of(reference.name)
        try:
            found = history.find(reference)
        except UnknownModel:  # nobody holds the alias now: what answers goes on
            return None
        pinned = f"{reference.name}@{found.version}"
        return Located(found.digest, reference.name, str(found.version), lambda: load(pinned))

    return find


def folder_finder(folder: Path, name: str) -> Finder:
    """Return a finder of the model in a folder; its version is the beginning of its manifest's hash."""
    seen: dict[str, tuple[tuple[int, int, int], Located]] = {}

    def find() -> Located:
        manifest = folder / MANIFEST
        try:
            found = manifest.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            known = seen.get("latest")
            if known is not None and known[0] == stamp:
                return known[1]
            sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest()
        except OSError as error:
            raise DamagedModel(
                f"{folder} is no model folder: {error.strerror or error} ({MANIFEST})",
                fix="give the `model` folder that `luthier tune --out` wrote",
            ) from error
        located = Located(sha256, name, sha256[:_VERSION], lambda: load(folder))
        seen["latest"] = (stamp, located)
        return located

    return find
