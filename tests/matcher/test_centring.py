"""Centring takes the language out and leaves the meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.encoding.centring import Means, for_model, load, measure, save
from matcher.encoding.embedder import Matrix
from tests.fake_embedder import HashingEmbedder

SIZE = 32
_RANDOM = np.random.default_rng(5)
_OFFSETS = {lang: _RANDOM.normal(0, 0.6, SIZE).astype(np.float32) for lang in ("en", "hr", "lv")}


def _means() -> Means:
    middle = np.mean(list(_OFFSETS.values()), axis=0).astype(np.float32)
    return Means(_OFFSETS | {"*": middle}, "made up")


def _texts(count: int) -> tuple[Matrix, list[str], Matrix]:
    """Return vectors of the same meanings in three languages, and the meanings."""
    meanings = np.random.default_rng(6).normal(0, 0.3, (count, SIZE)).astype(np.float32)
    rows = np.concatenate([meanings + _OFFSETS[lang] for lang in _OFFSETS])
    return rows, [lang for lang in _OFFSETS for _ in range(count)], meanings


def test_the_same_meaning_in_another_language_comes_nearest() -> None:
    rows, langs, _ = _texts(10)
    raw = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    centred = _means().centre(rows, langs)
    assert _hits(centred) > _hits(raw)
    assert np.linalg.norm(centred, axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)


def _hits(vectors: Matrix) -> float:
    """Return how often a text's two translations are its two nearest."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :2] % 10
    return float((nearest == np.arange(30)[:, None] % 10).mean())


def test_a_region_does_not_matter_and_an_unknown_language_gets_the_global_mean() -> None:
    means = _means()
    rows = np.ones((3, SIZE), np.float32)
    found = means.centre(rows, ["hr", "hr-BA", "xx"])
    assert found[0] == pytest.approx(found[1])
    middle = rows[0] - means.vectors["*"]
    assert found[2] == pytest.approx(middle / np.linalg.norm(middle), abs=1e-5)
    assert means.knows("hr-BA")
    assert not means.knows("xx")


def test_a_large_corpus_is_centred_on_itself_and_a_small_one_hardly() -> None:
    means = _means()
    subject = np.full(SIZE, 2.0, np.float32)
    rows, langs, _ = _texts(10)
    taken = means.take_out(rows + subject, langs).astype(float)
    small, large = means.shift(taken[0], 1), means.shift(200 * taken.sum(axis=0), 200 * len(rows))
    assert np.linalg.norm(small) < np.linalg.norm(large)
    assert not means.shift(np.zeros(SIZE), 0).any()


def test_means_survive_the_file(tmp_path: Path) -> None:
    save(_means(), tmp_path / "m.npz")
    again = load(tmp_path / "m.npz")
    assert again.source == "made up"
    assert again.vectors.keys() == {"*", "en", "hr", "lv"}
    assert again.vectors["hr"] == pytest.approx(_OFFSETS["hr"], abs=1e-2)


def test_another_model_gets_means_from_our_labels_once(tmp_path: Path) -> None:
    embedder = HashingEmbedder()
    means = for_model(embedder, tmp_path)
    assert {"en", "de", "fr", "it", "es", "pl", "hr", "lv"} <= means.vectors.keys()
    assert "vocabulary" in means.source
    assert len(list((tmp_path / "means-2").iterdir())) == 1
    assert for_model(embedder, tmp_path).source == means.source


def test_a_language_with_few_texts_gets_no_mean() -> None:
    texts = {"en": [f"text {n}" for n in range(30)], "ga": ["beagan"]}
    assert measure(HashingEmbedder(), texts, "two").vectors.keys() == {"*", "en"}


def test_the_packaged_means_know_all_24_languages() -> None:
    from importlib.resources import files

    for file in (files("matcher") / "data").iterdir():
        if file.name.endswith(".npz"):
            assert len(load(Path(str(file))).vectors) == 24 + 1
