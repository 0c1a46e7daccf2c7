"""The versions that answer now: looked for again and again, loaded aside, and swapped between two requests."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass

from luthier.errors import LuthierError
from luthier.serving import Predictor, ServedModel

POLL_S = 0.25
"""A promotion is seen within this time; loading comes on top, unless the version was loaded before."""
_KEPT = 4

log = logging.getLogger("luthier.serve")


@dataclass(frozen=True, slots=True)
class Located:
    """A model that was found, not loaded yet.

    Parameters
    ----------
    key
        Equal for equal models: what is located again under the same key is not loaded again.
    name, version
        What it is called.
    load
        Reads its files.
    """

    key: Hashable
    name: str
    version: str
    load: Callable[[], Predictor]


Finder = Callable[[], Located | None]
"""Looks where a model is now; None where there is none (a challenger that is not named yet). Called often, so quick."""


class LiveModels:
    """The champion, and the challenger in its shadow.

    Parameters
    ----------
    champion, shadow
        Where to look for them.
    threshold
        As in `ServeSettings`; for the champion and, where it is binary, for the challenger.

    Raises
    ------
    LuthierError
        The champion cannot be found or loaded. Later failures are logged, and what answers goes on answering.
    """

    def __init__(self, champion: Finder, shadow: Finder | None = None, *, threshold: float | None = None) -> None:
        self._finders = (champion, shadow)
        self._threshold = threshold
        self._loaded: OrderedDict[Hashable, ServedModel] = OrderedDict()
        self._failed: str | None = None
        first = self._find(champion)
        if first is None:
            raise LookupError("the champion's finder found nothing")
        self._champion = first
        self._shadow = None if shadow is None else self._find(shadow)

    @property
    def champion(self) -> ServedModel:
        """The version that answers."""
        return self._champion

    @property
    def shadow(self) -> ServedModel | None:
        """The version that answers unseen; never the champion itself."""
        same = self._shadow is None or self._shadow.version == self._champion.version
        return None if same else self._shadow

    @property
    def failed(self) -> str | None:
        """Why the newest version could not be loaded, if it could not."""
        return self._failed

    async def watch(self) -> None:
        """Look for new versions until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Look once, and swap what has changed."""
        champion, shadow = self._finders
        try:
            found = self._find(champion)
            if found is not None and found is not self._champion:
                log.info("model.swapped name=%s from=%s to=%s", found.name, self._champion.version, found.version)
                self._champion = found
            if shadow is not None:
                self._shadow = self._find(shadow)
            self._failed = None
        except (LuthierError, OSError) as error:
            said = error.what if isinstance(error, LuthierError) else str(error)
            if said != self._failed:
                log.error("model.not_swapped reason=%s", said)  # noqa: TRY400  # a letter, not a crash
            self._failed = said

    def _find(self, finder: Finder) -> ServedModel | None:
        located = finder()
        if located is None:
            return None
        if located.key not in self._loaded:
            predictor = located.load()
            threshold = self._threshold if predictor.schema.task == "binary" else None
            if not self._loaded:  # the first is what the threshold was meant for: it may be refused
                threshold = self._threshold
            served = ServedModel.of(located.name, located.version, predictor, threshold=threshold)
            if served.golden is not None and not served.golden.agreed:
                log.warning("model.not_compiled version=%s difference=%s", served.version, served.golden.difference)
            self._loaded[located.key] = served
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(located.key)
        return self._loaded[located.key]


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
