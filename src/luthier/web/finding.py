"""Where the served models are: a folder, looked at again when it is replaced."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from luthier.api import load
from luthier.errors import DamagedModel
from luthier.registry import MANIFEST
from luthier.web.live import Finder, LiveModels, Located
from luthier.web.settings import ServeSettings

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
    champion = folder_finder(Path(settings.model), name)
    shadow = None if settings.shadow is None else folder_finder(Path(settings.shadow), name)
    return Finding(champion, shadow, settings.threshold, name)


def called(model: str) -> str:
    """What a model is called in addresses."""
    return folder_name(Path(model))


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


def folder_name(folder: Path) -> str:
    """What a model folder is called: its own name, or that of the folder around one that is just called "model".

    >>> folder_name(Path("churn-model/model")), folder_name(Path("models/churn"))
    ('churn-model', 'churn')
    """
    path = folder.absolute()
    return path.parent.name if path.name == "model" and path.parent.name else path.name
