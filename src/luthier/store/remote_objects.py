"""Objects on S3, or anywhere else fsspec reaches: an object appears whole or not at all there too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from luthier.errors import MissingExtra, StoreUnreachable, UsageError
from luthier.store.objects import check_digest, missing, verified


class RemoteObjects:
    """Meets `Objects` at an address.

    Parameters
    ----------
    address
        "s3://bucket/prefix", or another that fsspec knows. Who we are and where the server is come from the
        environment, as every S3 program has it (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, `AWS_ENDPOINT_URL`, ...).

    Raises
    ------
    UsageError
        Nothing knows such addresses, or it names no bucket.
    MissingExtra
        The library for such addresses is not installed.
    """

    def __init__(self, address: str) -> None:
        kind, _, where = address.partition("://")
        self.address = f"{kind}://{where.strip('/')}"
        try:
            import fsspec

            # Listings are asked anew: other machines write there too.
            self._files, root = fsspec.core.url_to_fs(self.address, use_listings_cache=False)
        except ImportError as error:
            extra = "pip install 'luthier[s3]'" if kind == "s3" else f"install what fsspec needs for {kind}://"
            raise MissingExtra(f"objects at {kind}:// need a library that is not installed", fix=extra) from error
        except ValueError as error:
            raise UsageError(
                f"{address} names no place for objects: {error}", fix="write s3://bucket/prefix, or a folder"
            ) from error
        self._root: str = root.rstrip("/")
        if not self._root:
            raise UsageError(f"{address} names no bucket", fix=f"write {kind}://bucket/prefix")

    def put(self, data: bytes) -> str:
        """Keep the bytes."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        with self._answering():
            if not self._files.exists(path):
                self._files.pipe_file(path, data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified."""
        path, where = self._path(digest), f"{self.address}/{digest[:2]}/{digest[2:]}"
        with self._answering():
            try:
                data: bytes = self._files.cat_file(path)
            except FileNotFoundError as error:
                raise missing(where, "there is no such object") from error
        return verified(data, digest, where)

    def remove(self, digest: str) -> None:
        """Forget these bytes."""
        path = self._path(digest)
        with self._answering():
            if self._files.exists(path):
                self._files.rm_file(path)

    def sizes(self) -> dict[str, int]:
        """Digest -> number of bytes."""
        with self._answering():
            found: dict[str, dict[str, Any]] = self._files.find(self._root, detail=True)
        names = {path.removeprefix(self._root).replace("/", ""): facts for path, facts in found.items()}
        return {name: int(facts["size"]) for name, facts in names.items() if len(name) == 64}

    def sweep(self) -> None:
        """Do nothing: no part of an object is ever visible here."""

    def _path(self, digest: str) -> str:
        check_digest(digest)
        return f"{self._root}/{digest[:2]}/{digest[2:]}"

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say what it means when the server does not do as it is told."""
        try:
            yield
        except Exception as error:
            if not _is_the_servers(error):
                raise
            raise StoreUnreachable(
                f"{self.address} does not answer as it should: {error}",
                fix="see to the address, the bucket and the keys (AWS_PROFILE, AWS_ENDPOINT_URL), then try again",
            ) from error


def _is_the_servers(error: Exception) -> bool:
    """Whether it comes from the network or the service: botocore's errors share no base with Python's."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in ("botocore", "aiohttp")
