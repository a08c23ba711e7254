"""Texts, stems and languages."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from kg.entries.reading import read_entry
from kg.text.language import detect
from kg.text.stems import stems
from matcher.encoding import ngrams
from matcher.encoding.text import facets, words
from tests.conftest import BASE

PRACTICE = b"""
@prefix psr: <https://w3id.org/passerelle/ns#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://passerelle.example/id/practice/rides> a psr:Practice ;
  dct:title "Rides for the old"@en, "Prijevoz za starije"@hr ; dct:alternative "Sopotniki"@sl ;
  psr:problem "No bus comes here."@en ; psr:solution "Volunteers drive."@en, "Volonteri voze."@hr .
"""


def test_each_facet_has_one_text_a_language() -> None:
    found = {(f.facet, f.lang): f.text for f in facets(read_entry(PRACTICE, "text/turtle", BASE))}
    assert found == {
        ("problem", "en"): "No bus comes here.",
        ("solution", "en"): "Rides for the old\nVolunteers drive.",
        ("solution", "hr"): "Prijevoz za starije\nVolonteri voze.",
    }


def test_words_hold_other_names_too() -> None:
    found = {w.lang: w.text for w in words(read_entry(PRACTICE, "text/turtle", BASE))}
    assert "Sopotniki" in found["en"]
    assert "No bus" in found["en"]
    assert set(found) == {"en", "hr"}


@pytest.mark.parametrize(
    ("lang", "one", "other"),
    [
        ("en", "volunteers", "volunteer"),
        ("de", "Gemeinden", "Gemeinde"),
        ("it", "associazioni", "associazione"),
    ],
)
def test_forms_of_a_word_share_a_stem(lang: str, one: str, other: str) -> None:
    assert stems(one, lang) == stems(other, lang)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Stariji ljudi žive sami u selima bez autobusa", "hr"),
        ("Vecāki cilvēki laukos jūtas vientuļi", "lv"),
        ("Gli anziani vivono soli nei paesi senza autobus", "it"),
        ("Ältere Menschen leben allein in Dörfern ohne Bus", "de"),
        ("Οι ηλικιωμένοι ζουν μόνοι στα χωριά", "el"),
    ],
)
def test_languages_are_told_apart(text: str, lang: str) -> None:
    assert detect(text) == lang


def test_letters_are_weighed_as_scikit_learn_weighs_them() -> None:
    counts = ngrams.count(["a bus to the village", "no bus at all", "school meals", "a village"])
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    rarity = ngrams.rarity(np.bincount(counts.indices, minlength=ngrams.PLACES), 4)
    assert abs(ngrams.weigh(counts, rarity) - expected).max() < 1e-6
