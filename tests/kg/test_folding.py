"""What people type and what is written fold to the same, and different words do not."""

from __future__ import annotations

import unicodedata

from kg.text.folding import fold
from kg.vocabulary import vocabulary

SAME = [
    ("malaga", "Málaga", "MÁLAGA"), ("lodz", "Łódź"), ("strasse", "Straße", "STRASSE", "STRAẞE"),
    ("arhus", "Århus"), ("sibenik", "Šibenik"), ("dakovo", "Đakovo"), ("malmo", "Malmø", "Malmö"),
    ("aebelo", "Æbelø", "Ǽbelǿ"), ("oeuvre", "Œuvre"), ("thor", "Þór"), ("hal", "Ħal"),
    ("isparta", "Isparta", "ısparta", "İsparta"), ("gudrun", "Guðrún"), ("ŋ", "n", "Ŋ"),
    ("tara", "Țara", "Ţara"), ("αθηνα", "Αθήνα", "ΑΘΗΝΑ", "Ἀθήνα"), ("σισυφοσ", "Σίσυφος"),
    ("елка", "Ёлка"), ("йод", "ЙОД", "и\u0306од"), ("київ", "Київ"), ("l'eau", "L’eau"),
    ("nord-est", "Nord–Est", "Nord\u2010Est"), ("collectiu", "Col·lectiu", "Co\u0140lectiu"),
    ("kekavas novads", "  Ķekavas  Novads "), ("a b", "a\u00a0b", "a\tb"), ("ab", "a\u00adb"),
    ("fi", "ﬁ"), ("m2", "m²"), ("", "\u0301"), ("xi", "ⅺ"),
]  # fmt: skip
OTHER = [("йод", "иод"), ("київ", "киів"), ("thor", "dor"), ("hal", "kal"), ("ano", "hano")]


def test_texts_that_differ_in_form_only_fold_to_the_same() -> None:
    assert [(same, {fold(t) for t in same}) for same in SAME if len({*map(fold, same)}) > 1] == []


def test_different_words_stay_different() -> None:
    assert [pair for pair in OTHER if fold(pair[0]) == fold(pair[1])] == []


def test_nothing_depends_on_how_unicode_writes_a_letter_and_folding_twice_changes_nothing() -> None:
    letters = [chr(code) for code in range(0x20, 0x2000) if chr(code).isalpha()]
    labels = [label for known in vocabulary().labels.values() for label in known.values()]
    texts = [*letters, *labels]
    forms = {form: [unicodedata.normalize(form, t) for t in texts] for form in ("NFC", "NFD")}
    wrong = [t for t, c, d in zip(texts, *forms.values(), strict=True) if fold(c) != fold(d)]
    wrong += [t for t in texts if fold(fold(t)) != fold(t)]
    assert wrong == []
    latin = [c for c in letters if unicodedata.name(c).startswith("LATIN") and ord(c) < 0x180]
    assert [c for c in latin if not fold(c).isascii()] == []
