"""A model without a model: for tests of everything around the vectors."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from matcher.encoding.embedder import Matrix


class HashingEmbedder:
    """Stands for a sentence model: texts that share letters get near unit vectors.

    Counts of hashed runs of three and four letters in 256 places. It knows no meaning and
    no languages, so tests may ask it only for texts that share words.
    """

    name = "hashing@00000001"
    size = 256

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Return one unit vector a text, as rows of float32."""
        found = np.zeros((len(texts), self.size), np.float32)
        for row, text in zip(found, texts, strict=True):
            runs = (run.encode("utf-8", "surrogatepass") for run in _runs(f"  {text.lower()}  "))
            row += np.bincount([zlib.crc32(run) % self.size for run in runs], minlength=self.size)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(norms, 1e-9), np.float32)


def _runs(text: str) -> list[str]:
    return [text[i : i + n] for n in (3, 4) for i in range(len(text) - n + 1)]
