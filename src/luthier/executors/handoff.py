"""Hand one object, with all its data, to any number of worker processes without copying the data.

The object is pickled once (protocol 5); every array, frame block and sparse matrix in it is written beside the pickle
as a raw buffer, into one file that has no name. A worker maps the file and gets arrays that *are* the mapping: nothing
is copied, whatever the size, and the pages are shared by all workers.

Why a pickle is right here and nowhere else: the bytes are written by this process, for its own children, into an
unlinked file that no other user can open and that reaches a worker as a file descriptor over a private socket. Whoever
could change them could already run code as this user. Nothing that outlives the run is written this way.

Why no named file: the kernel frees the space when the last process using it is gone, so nothing stays on the disk even
after `kill -9`, and there is nothing for the next start to clean. Windows has no unlinked files; a named memory mapping
has the same lifetime there.

Why cloudpickle: classes and functions of a script, a notebook or a lambda travel by value, so that workers never import
the user's `__main__` (which would run an unguarded script a second time). So does, by our own doing, what lives in a
module that only this process could import (a test module, say). Anything importable still travels by name.
"""

from __future__ import annotations

import errno
import io
import mmap
import pickle
import struct
import sys
import tempfile
import types
import uuid
from typing import IO, Any

import cloudpickle  # type: ignore[import-untyped]

from luthier.errors import UnwritableFolder, UsageError
from luthier.tuning.jobs import error_line

_ALIGN = 64
"""Bytes. A cache line, and what NumPy, Arrow and vector instructions like best."""

_COUNT = struct.Struct("<q")
_SPAN = struct.Struct("<qq")  # offset, length


class Handoff:
    """An object written down once for all workers.

    Parameters
    ----------
    content
        Anything cloudpickle can carry.

    Attributes
    ----------
    size
        Bytes written.

    Raises
    ------
    UsageError
        `content` holds something that cannot leave this process (a lock, an open file, a database connection).
    UnwritableFolder
        The temporary folder has no room for the data.

    Notes
    -----
    Arrays arrive read-only: one worker's mistake cannot change what another one sees, nor what the next fold sees.
    """

    def __init__(self, content: object) -> None:
        buffers: list[pickle.PickleBuffer] = []
        try:
            stream = _pickled(content, buffers)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise UsageError(
                f"this work cannot be handed to worker processes ({error_line(error)})",
                fix='keep locks, open files and connections out of it, or run with executor="inline"',
            ) from error
        parts = [stream, *(buffer.raw() for buffer in buffers)]
        spans, self.size = _layout([part.nbytes for part in parts])
        self._tag = f"luthier-{uuid.uuid4().hex}"
        head = _COUNT.pack(len(parts)) + b"".join(_SPAN.pack(*span) for span in spans)
        if sys.platform == "win32":
            self._mapping = mmap.mmap(-1, self.size, tagname=self._tag)
            for (offset, length), part in zip([(0, len(head)), *spans], [memoryview(head), *parts], strict=True):
                self._mapping[offset : offset + length] = part
        else:
            self._file = _written(head, spans, parts, self.size)

    @property
    def descriptor(self) -> int:
        """The file descriptor to pass to a worker (not on Windows)."""
        return self._file.fileno()

    @property
    def name(self) -> tuple[str, int]:
        """Name and size of the mapping (Windows only)."""
        return self._tag, self.size

    def close(self) -> None:
        """Let go of the data; it is freed when the last worker has ended."""
        if sys.platform == "win32":
            self._mapping.close()
        else:
            self._file.close()


def receive(source: int | tuple[str, int]) -> Any:
    """The object of a `Handoff`, its arrays being views of the shared pages.

    Parameters
    ----------
    source
        The descriptor, or on Windows the name and size, of the `Handoff`. The descriptor stays open.
    """
    if sys.platform == "win32":
        assert isinstance(source, tuple)
        mapping = mmap.mmap(-1, source[1], tagname=source[0], access=mmap.ACCESS_READ)
    else:
        assert isinstance(source, int)
        mapping = mmap.mmap(source, 0, access=mmap.ACCESS_READ)
    view = memoryview(mapping)
    (count,) = _COUNT.unpack_from(view)
    spans = [_SPAN.unpack_from(view, _COUNT.size + i * _SPAN.size) for i in range(count)]
    stream, *buffers = (view[offset : offset + length] for offset, length in spans)
    return pickle.loads(stream, buffers=buffers)  # noqa: S301  (our own bytes: see the top of this file)


def _pickled(content: object, buffers: list[pickle.PickleBuffer]) -> memoryview:
    stream = io.BytesIO()
    pickler = _Pickler(stream, protocol=5, buffer_callback=buffers.append)
    try:
        pickler.dump(content)
    finally:
        pickler.forget()
    return stream.getbuffer()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, and by value also what lives in a module that a worker could not import."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._importable: dict[str, bool] = {}  # by top-level name
        self._by_value: list[types.ModuleType] = []

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (type, types.FunctionType)):
            self._prepare(obj.__module__)
        return super().reducer_override(obj)

    def forget(self) -> None:
        """Undo what was told to cloudpickle, which keeps it for the whole process."""
        for module in self._by_value:
            cloudpickle.unregister_pickle_by_value(module)

    def _prepare(self, name: str | None) -> None:
        module = sys.modules.get(name or "__main__")
        if name is None or name == "__main__" or module is None or module in self._by_value:
            return
        top = name.partition(".")[0]
        if top not in self._importable:
            # find_spec() would be content with sys.modules; a worker starts from what the finders find.
            specs = (finder.find_spec(top, None) for finder in sys.meta_path)
            self._importable[top] = any(spec is not None for spec in specs)
        if not self._importable[top] and name not in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.register_pickle_by_value(module)
            self._by_value.append(module)


def _layout(lengths: list[int]) -> tuple[list[tuple[int, int]], int]:
    """Where each part lies, (offset, length), behind a head that lists them; and the size of the whole."""
    offset = _COUNT.size + len(lengths) * _SPAN.size
    spans = []
    for length in lengths:
        offset += -offset % _ALIGN
        spans.append((offset, length))
        offset += length
    return spans, offset


def _written(head: bytes, spans: list[tuple[int, int]], parts: list[memoryview], size: int) -> IO[bytes]:
    """A nameless file with the head and the parts in their places."""
    file = tempfile.TemporaryFile(prefix="luthier-", buffering=0)  # noqa: SIM115  (it lives as long as the Handoff)
    try:
        _write_all(file, memoryview(head))
        for (offset, _), part in zip(spans, parts, strict=True):
            file.seek(offset)
            _write_all(file, part)
        file.truncate(size)  # an empty last part leaves its padding unwritten
    except OSError as error:
        file.close()
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise UnwritableFolder(
            f"the temporary folder {tempfile.gettempdir()} has no room for the {size / 1e6:.0f} MB that workers share",
            fix='set TMPDIR to a folder with enough free space, or run with executor="inline"',
        ) from error
    return file


def _write_all(file: IO[bytes], part: memoryview) -> None:
    # One write() takes at most 2 GB on Linux and may take less anywhere.
    while part.nbytes:
        part = part[file.write(part) :]
