"""A model folder that is damaged is told in one sentence, and not tried again and again."""

from __future__ import annotations

import json
import os
import shutil
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.encoding.embedder import ModelUnusable, SentenceEmbedder, embed, works
from matcher.encoding.reranker import Reranker
from tests.fake_embedder import HashingEmbedder

pytestmark = pytest.mark.model
MODULES = ("Transformer", "Pooling", "Normalize")
DAMAGES = {"missing": None, "empty": "", "broken": '{"a": ', "object": "{}", "list": "[]"}
FILES = ("config.json", "tokenizer", "modules.json", "1_Pooling/config.json", "model.safetensors")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model that knows letters and has random weights."""
    import torch  # here, as it takes seconds whenever tests are collected
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("tiny")
    letters = [*string.ascii_lowercase, *("##" + c for c in string.ascii_lowercase)]
    words = folder / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]))
    BertTokenizer(str(words)).save_pretrained(folder)
    words.unlink()
    torch.manual_seed(1)
    sizes: dict[str, Any] = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=57, num_hidden_layers=1, **sizes)
    BertModel(config).save_pretrained(folder)
    paths = ("", "1_Pooling", "2_Normalize")
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(zip(MODULES, paths, strict=True))
    ]
    pooling = {"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def damaged(whole: Path, folder: Path, name: str, body: str | None) -> Path:
    """Copy a model with one file damaged; ``tokenizer`` stands for all that make the tokenizer."""
    shutil.copytree(whole, folder)
    names = [f.name for f in folder.glob("tokenizer*")] if name == "tokenizer" else [name]
    for one in names:
        (folder / one).unlink()
        if body is not None:
            (folder / one).write_text(body)
    return folder


def test_a_whole_folder_makes_unit_vectors(whole: Path, tmp_path: Path) -> None:
    vectors = SentenceEmbedder(str(whole), tmp_path).encode(["ab", "ba"])
    assert vectors.shape == (2, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0, 1.0])


def test_every_damage_is_one_sentence_that_names_the_folder_and_what_to_do(
    whole: Path, tmp_path: Path
) -> None:
    wrong = []
    for name in FILES:
        for kind, body in DAMAGES.items():
            folder = damaged(whole, tmp_path / f"{name}-{kind}".replace("/", "-"), name, body)
            try:
                vectors = SentenceEmbedder(str(folder), tmp_path).encode(["ab"])
            except ModelUnusable as error:
                said = str(error)
                good = str(folder) in said and "PASSERELLE_MODEL" in said and "\n" not in said
                wrong += [] if good else [(name, kind, said)]
            else:
                wrong.append((name, kind, f"makes {vectors}"))
    assert wrong == []


@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json"])
def test_broken_settings_are_told_at_once(whole: Path, tmp_path: Path, name: str) -> None:
    """Before the libraries are loaded, which takes seconds."""
    for kind in ("empty", "broken"):
        folder = damaged(whole, tmp_path / kind, name, DAMAGES[kind])
        with pytest.raises(ModelUnusable, match=f"has a damaged {name}"):
            SentenceEmbedder(str(folder), tmp_path)


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "a/b/c", "some file"])
def test_a_folder_that_is_not_there_is_not_sought_on_the_network(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelUnusable, match="is no folder"):
        SentenceEmbedder(name, tmp_path)


def test_what_cannot_be_loaded_is_not_tried_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def read(self: SentenceEmbedder) -> None:
        tried.append(self)
        raise TypeError("Pooling.__init__() missing 1 required argument")

    monkeypatch.setattr(SentenceEmbedder, "_read", read)
    model = SentenceEmbedder(str(whole), tmp_path)
    for _ in range(3):
        with pytest.raises(ModelUnusable, match="cannot be loaded; download it anew"):
            model.encode(["ab"])
    assert not works(model)
    assert len(tried) == 1


def test_nothing_is_written_into_the_environment(whole: Path, tmp_path: Path) -> None:
    before = dict(os.environ)
    SentenceEmbedder(str(whole), tmp_path).encode(["ab"])
    Reranker("some-hub/name")
    assert dict(os.environ) == before


def test_vectors_that_are_no_numbers_are_an_error() -> None:
    class Odd(HashingEmbedder):
        def encode(self, texts: Any) -> Any:  # noqa: ANN401
            return super().encode(texts) * np.float32("nan")

    with pytest.raises(ValueError, match="numbers"):
        embed(Odd(), ["ab"])
    assert not works(Odd())
    assert works(HashingEmbedder())
