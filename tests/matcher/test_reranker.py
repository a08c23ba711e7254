"""A tiny cross-encoder, made here with a fixed seed, re-orders the starter graph's matches."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kg.errors import StoreUnusable
from matcher.encoding.reranker import SHORT, Reranker
from matcher.matcher import Matcher
from matcher.model.answer import plain
from tests.matcher.asking import Question, put

pytestmark = pytest.mark.model
TEXT = "Older people in villages have no bus and cannot get to the doctor or the shop."


def _tiny(folder: Path, scores: int = 1) -> Path:
    """Write a cross-encoder that knows letters and has random weights."""
    import torch  # here, as it takes seconds whenever tests are collected
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    folder.mkdir(exist_ok=True)
    letters = [*string.ascii_lowercase, *("##" + c for c in string.ascii_lowercase)]
    words = folder / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]))
    BertTokenizer(str(words)).save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=57, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, initializer_range=1.0,
    )  # fmt: skip
    config.num_labels = scores
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _tiny(tmp_path / "tiny")


def _similar(matcher: Matcher, question: Question) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(plain(put(matcher, "similar", question))))
    return found


def test_the_order_of_the_short_list_changes_and_no_score(
    starter_matcher: Matcher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question(text=TEXT, limit=SHORT)
    plain = _similar(starter_matcher, question)
    reranker = Reranker(str(folder))
    monkeypatch.setattr(starter_matcher, "reranker", reranker)
    found = _similar(starter_matcher, question)
    assert _similar(starter_matcher, question) == found
    assert found["matches"] != plain["matches"]
    assert sorted(found["matches"], key=lambda m: -m["score"]) == plain["matches"]
    assert (
        _similar(starter_matcher, Question(text=TEXT, limit=5))["matches"] == found["matches"][:5]
    )
    assert found["stamp"] == plain["stamp"] | {
        "model": f"{starter_matcher.embedder.name} {reranker.name}"
    }


def test_a_spread_is_only_re_ordered_and_an_entry_not_even_that(
    starter_matcher: Matcher, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = starter_matcher.store.base + "id/practice/sopotniki-rural-rides"
    questions = (Question(entry=entry), Question(text=TEXT, diversity="country"))
    before = [_similar(starter_matcher, q) for q in questions]
    monkeypatch.setattr(starter_matcher, "reranker", Reranker(str(folder)))
    after = [_similar(starter_matcher, q) for q in questions]
    assert after[0] == before[0]
    iris = [[m["entry"] for m in answer["matches"]] for answer in (before[1], after[1])]
    assert iris[0] != iris[1]
    assert sorted(iris[0]) == sorted(iris[1])


def test_texts_that_score_alike_keep_their_order(folder: Path) -> None:
    assert Reranker(str(folder)).order("bus", ["a van", "a van", "a van"]) == [0, 1, 2]


def _cut(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def _forget_words(folder: Path) -> None:
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _forget_words,
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "tokenizer.json").write_text("{"),
        lambda folder: _tiny(folder, scores=3),
    ],
)
def test_a_folder_that_cannot_be_used_is_told_at_the_first_use(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    reranker = Reranker(str(folder))
    damage(folder)
    with pytest.raises(StoreUnusable, match="PASSERELLE_RERANKER"):
        reranker.order("a", ["b"])


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "~/none", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_sought_on_the_network(name: str) -> None:
    with pytest.raises(StoreUnusable, match="is no folder"):
        Reranker(name)
