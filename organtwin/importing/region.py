"""Memory that a worker fills and its parent reads, so that voxels are never copied.

The parent makes it and can seal it: a worker can neither shorten it under its parent's hands nor
change a voxel afterwards (Linux; elsewhere it is a file without a name).
"""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SHARED_MEMORY: Final = Path("/dev/shm")
_rooms: list[Room] = []


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array to be filled, C order: in the memory shared with the parent if there is any.

    There is room for one array at a time: a new one takes the place of the one before.
    """
    if _rooms and _rooms[-1].fits(shape, dtype):
        return _rooms[-1].array(shape, dtype)
    return np.empty(shape, dtype)


class Region:
    """The parent's side: makes the memory, seals it, looks at it."""

    def __init__(self, size_bytes: int) -> None:
        self.size = max(size_bytes, 1)
        if hasattr(os, "memfd_create"):
            self.file = os.memfd_create("organtwin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        else:
            folder = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
            with tempfile.TemporaryFile(dir=folder) as unnamed:
                self.file = os.dup(unnamed.fileno())
        os.ftruncate(self.file, self.size)
        self._seal("F_SEAL_SHRINK", "F_SEAL_GROW")

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return what the worker wrote, Fortran order, read-only for good.

        Raises:
            OSError: the worker still holds the memory.
            ValueError: it is smaller than that.
        """
        self._seal("F_SEAL_WRITE", "F_SEAL_SEAL")
        mapped = mmap.mmap(self.file, self.size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(mapped, dtype, count).reshape(shape, order="F")

    def close(self) -> None:
        """Give up this side's handle; arrays stay as long as they are used."""
        os.close(self.file)

    def _seal(self, *names: str) -> None:
        if hasattr(os, "memfd_create"):
            import fcntl

            seals = sum(getattr(fcntl, name) for name in names)
            fcntl.fcntl(self.file, fcntl.F_ADD_SEALS, seals)


class Room:
    """The worker's side: while it is entered, `empty` hands it out."""

    def __init__(self, file: int, size_bytes: int, likely_bytes: int) -> None:
        """Map `size_bytes`, of which `likely_bytes` will be needed: those are fetched meanwhile."""
        self._memory = mmap.mmap(file, size_bytes)
        self._fetching = threading.Thread(target=_fetch, args=(file, likely_bytes))

    def __enter__(self) -> Room:
        _rooms.append(self)
        self._fetching.start()
        return self

    def __exit__(self, *_: object) -> None:
        _rooms.remove(self)
        self._fetching.join()
        with suppress(BufferError):  # an error still holds an array; the parent will find out
            self._memory.close()

    def fits(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
        """Return whether there is room for such an array."""
        return int(np.prod(shape, dtype=np.int64)) * dtype.itemsize <= len(self._memory)

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return the memory as an array, C order."""
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._memory, dtype, count).reshape(shape)

    def keep(self, array: NDArray[Any]) -> None:
        """Copy an array here, Fortran order, unless it lies here already; raises ValueError."""
        if not self.fits(array.shape, array.dtype):
            raise ValueError("more than there is room for")
        here = self.array(array.shape[::-1], array.dtype).transpose()
        if here.ctypes.data != array.ctypes.data or here.strides != array.strides:
            here[...] = array


def _fetch(file: int, size_bytes: int) -> None:
    """Let the system find memory for the beginning of a file, then close it."""
    with suppress(OSError, AttributeError):  # it will find it when it is written, only slower
        if size_bytes:
            os.posix_fallocate(file, 0, size_bytes)
    os.close(file)
