"""A cross-encoder that re-orders a short list, where an installation names one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import StoreUnusable
from matcher.encoding.embedder import HUB, fingerprint, lacks_words

#: so many of the best are read again; a pair of texts costs about as much as embedding both
SHORT = 30
_HEAD = "ForSequenceClassification"


class Reranker:
    """A sentence-transformers CrossEncoder, loaded at the first use.

    ``model`` is a folder, or a name on a model hub; only the latter may use the network.
    StoreUnusable is raised at once for a folder that is not there, and at the first use for a
    model that cannot be loaded or gives no single score for a pair of texts.
    """

    def __init__(self, model: str) -> None:
        self._model_name, self._local = model, Path(model).is_dir()
        if not self._local and not HUB.fullmatch(model):
            raise StoreUnusable(
                f"The re-ranking model {model} is no folder; set PASSERELLE_RERANKER to one."
            )
        self.name = f"{Path(model).name}@{fingerprint(model, model)}"
        self._lock = threading.Lock()
        self._model: Any = None

    def order(self, question: str, texts: Sequence[str]) -> list[int]:
        """Put the numbers of the texts in order, the best answer to the question first.

        Texts that score alike keep their order. The model's scores are not comparable between
        questions, so they are not given.
        """
        from safetensors import SafetensorError

        with self._lock:
            try:
                self._model = self._read() if self._model is None else self._model
            except (OSError, ValueError, RuntimeError, SafetensorError) as error:
                raise StoreUnusable(
                    f"The re-ranking model {self._model_name} cannot be loaded; download it anew,"
                    " or set PASSERELLE_RERANKER to another cross-encoder or to nothing."
                ) from error
            scores = self._model.predict([(question, t) for t in texts], show_progress_bar=False)
        return [int(n) for n in np.argsort(-np.round(scores, 6), kind="stable")]

    def _read(self) -> Any:  # noqa: ANN401
        """Load the model; ValueError if it lacks its words or a head with one score."""
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        model = CrossEncoder(
            self._model_name,
            device="cpu",
            local_files_only=self._local,
            model_kwargs={"dtype": "float32"},
            activation_fn=Identity(),
        )
        config = model.config
        if config.num_labels != 1 or not all(a.endswith(_HEAD) for a in config.architectures or ()):
            raise ValueError("not one score for a pair")
        if lacks_words(model.tokenizer, config):
            raise ValueError("words are missing")
        return model
