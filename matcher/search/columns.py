"""Records of one width in memory-mapped files: what the index keeps beside its tables."""

from __future__ import annotations

import mmap
import os
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

#: rows by which a file grows at least; beyond that by an eighth
GROWTH = 256
Records = npt.NDArray[Any]


class Column:
    """One file of rows that only grows; a reader's view stays as it is while rows are added.

    Records are written before the count of them is: what stands behind the count is of nobody, and
    the next row is written over it. Raises ValueError where a file holds fewer than ``count``.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, count: int = 0) -> None:
        self.path, self.dtype = path, np.dtype(dtype)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        weakref.finalize(self, os.close, self._file)
        self.view: Records = np.empty(0, self.dtype)
        self._map()
        if len(self.view) < count:
            raise ValueError(f"{path.name} holds {len(self.view)} rows of {count}")

    def write(self, row: int, values: Records) -> None:
        """Write rows from a number on; ``view`` is then as long as the file."""
        if not len(values):
            return
        end = row + len(values)
        if end > len(self.view):
            rows = max(end + end // 8, end + GROWTH)
            os.ftruncate(self._file, rows * self.dtype.itemsize)
            self._map()
        written = np.ascontiguousarray(values, self.dtype.base).tobytes()
        os.pwrite(self._file, written, row * self.dtype.itemsize)

    def sync(self) -> None:
        """Have the rows outlast a loss of power."""
        os.fdatasync(self._file)

    def _map(self) -> None:
        if rows := os.fstat(self._file).st_size // self.dtype.itemsize:
            size = rows * self.dtype.itemsize
            mapped = mmap.mmap(self._file, size, mmap.MAP_SHARED, mmap.PROT_READ)
            self.view = np.frombuffer(mapped, self.dtype.base).reshape(rows, *self.dtype.shape)
