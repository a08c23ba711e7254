"""Texts to vectors: a small protocol, and the sentence-transformers model behind it.

Questions and entries are embedded alike, with the prompt for questions where a model has one:
both are needs and ideas in words, and the makers of e5 advise that prompt for likeness. On SUSY
nDCG@10 is 0.210 (0.092 across languages) where the prompt for passages gives 0.203 (0.080).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kg.errors import KgError
from matcher.encoding import e5

Matrix = npt.NDArray[np.float32]
DEFAULT = "default"
PROMPT = "query"
#: A longer text is the mean of its passages of about so many words; one vector of a whole page
#: says little. For the 17 goals of the SDG benchmark as single questions: top-1 .60 whole, .67 so.
PASSAGE = 200
#: what is read of a text, in passages; the rest of a longer one is left out
PASSAGES = 8
BREAK = re.compile(r"(?<=[.!?;:])\s+|\n+")
#: a name on a model hub; everything else is a path
HUB = re.compile(r"[\w-][\w.-]*(/[\w.-]+)?")
#: files that only a folder of sentence-transformers has, beside the list of its modules
_MARKS = ("config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling")
_ADVICE = "download it anew, or set PASSERELLE_MODEL to another model or to default"


class ModelUnusable(KgError):
    """A model is not there or damaged, and will be however often it is tried."""


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    name: str

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Embed each text as a row of length 1, in float32."""


def embed(embedder: Embedder, texts: Sequence[str]) -> Matrix:
    """One unit vector a text, the mean of its passages' for long ones.

    Raises whatever the model throws at a text, and ValueError where it gives no numbers.
    """
    parts = [passages(t) for t in texts]
    rows = embedder.encode([passage for part in parts for passage in part])
    if not np.isfinite(rows).all():
        raise ValueError("the model gave something else than numbers")
    starts = np.cumsum([0, *map(len, parts)])[:-1]
    return unit(np.add.reduceat(rows, starts, axis=0))


def works(embedder: Embedder) -> bool:
    """Whether the model reads a plain word, so that a text is at fault and not the model."""
    try:
        return bool(np.isfinite(embedder.encode(["ready"])).all())
    except Exception:  # whatever a model throws
        return False


def passages(text: str) -> list[str]:
    """Cut a text into passages of whole sentences, of which PASSAGES are kept."""
    if len(text.split()) <= PASSAGE:
        return [text]
    parts: list[list[str]] = [[]]
    for sentence in BREAK.split(text):
        if parts[-1] and len(" ".join([*parts[-1], sentence]).split()) > PASSAGE:
            parts.append([])
        parts[-1].append(sentence)
    return [" ".join(part) for part in parts[:PASSAGES]]


def unit(rows: Matrix) -> Matrix:
    """Scale rows to length 1; zeros stay zeros."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), "f4")


class SentenceEmbedder:
    """A sentence-transformers model, loaded at the first use.

    ``model`` is ``default`` (the embedded multilingual-e5-small, converted under ``home``),
    a folder, or a name on a model hub; only the last may use the network. Importing torch
    takes some seconds and 700 MB, so it happens here and not at the top. ModelUnusable is raised
    at once for a folder that is not there or has damaged settings, and at the first use for a
    model that cannot be loaded.
    """

    def __init__(self, model: str, home: Path, progress: e5.Progress | None = None) -> None:
        if model != DEFAULT:
            check_folder(model)
        self._path = str(e5.ensure(home, progress)) if model == DEFAULT else model
        short = e5.NAME if model == DEFAULT else Path(model).name
        self.name = f"{short}@{fingerprint(self._path, model)}"
        # PyTorch keeps helper threads for each thread that calls it; asked by all the threads of
        # a server in turn it takes a third longer than when one thread asks for all.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._model: Any = None
        self._unusable = ""

    def encode(self, texts: Sequence[str]) -> Matrix:
        """Embed each text as a row of length 1, in float32; one call at a time."""
        return self._thread.submit(self._encode, list(texts)).result()

    def _encode(self, texts: list[str]) -> Matrix:
        if self._unusable:
            raise ModelUnusable(self._unusable)
        if self._model is None:
            try:
                self._model = self._read()
            except Exception as error:  # whatever damaged files make the libraries throw
                folder = Path(self._path).is_dir()
                advice = _ADVICE if folder else f"check its name and the network; {_ADVICE}"
                self._unusable = f"The model {self._path} cannot be loaded; {advice}."
                raise ModelUnusable(self._unusable) from error
        import torch

        # In bfloat16 where the processor can: 1.7 times as fast, cosine 0.99999.
        can: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
        fast = bool(can.get("avx512_bf16") or can.get("amx_bf16"))
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            rows = self._model.encode(
                texts,
                prompt_name=PROMPT if PROMPT in (self._model.prompts or {}) else None,
                batch_size=1,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return np.asarray(rows, np.float32)

    def _read(self) -> Any:  # noqa: ANN401
        """Load the model and let it read a word: some load without what they read with."""
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        model = SentenceTransformer(
            self._path,
            device="cpu",
            local_files_only=Path(self._path).is_dir(),
            model_kwargs={"dtype": "float32"},
        )
        network = getattr(model[0], "auto_model", None)
        if network is not None and lacks_words(model.tokenizer, network.config):
            raise ValueError("words are missing")
        model.encode(["ready"], show_progress_bar=False)
        return model


def lacks_words(tokenizer: Any, config: Any) -> bool:  # noqa: ANN401
    """Whether a tokenizer is not the model's: without its files an empty one is made."""
    return 2 * len(tokenizer) < int(getattr(config, "vocab_size", 0))


def check_folder(model: str) -> None:
    """Raise ModelUnusable for a path where there is no folder, or one with damaged settings.

    Weights are not looked at: reading them takes as long as loading the model.
    """
    folder = Path(model)
    if not folder.is_dir():
        if HUB.fullmatch(model):
            return
        raise ModelUnusable(f"The model {model} is no folder; {_ADVICE}.")
    modules = folder / "modules.json"
    settings = sorted(folder.rglob("*.json"))
    needed = modules if any((folder / name).exists() for name in _MARKS) else folder / "config.json"
    if needed not in settings and modules not in settings:
        raise ModelUnusable(f"The model {model} lacks {needed.name}; {_ADVICE}.")
    for file in settings:
        try:
            json.loads(file.read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            name = file.relative_to(folder)
            raise ModelUnusable(f"The model {model} has a damaged {name}; {_ADVICE}.") from error


def fingerprint(path: str, model: str) -> str:
    """Eight hex digits that change when the model does."""
    if model == DEFAULT:
        return e5.SHA256[:8]
    folder = Path(path)
    if not folder.is_dir():
        return hashlib.sha256(model.encode()).hexdigest()[:8]
    sizes = sorted(
        (str(f.relative_to(folder)), f.stat().st_size) for f in folder.rglob("*") if f.is_file()
    )
    settings = folder / "config.json"
    noted = settings.read_bytes() if settings.is_file() else b""
    return hashlib.sha256(repr(sizes).encode() + noted).hexdigest()[:8]
