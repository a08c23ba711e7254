"""Which language a text is in: an official one, surely another, or too short to say."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from kg.text.language import LANGUAGES, UNKNOWN, detect, detect_surely
from kg.text.number_formats import language_name
from tests.languages import speaking

OFFICIAL = {
    "hr": "Stariji ljudi žive sami u selima bez autobusa.",
    "lv": "Veci cilvēki dzīvo vieni ciemos bez autobusa.",
    "mt": "L-anzjani jgħixu waħedhom fl-irħula mingħajr karozza tal-linja.",
    "ga": "Tá daoine scothaosta ina gcónaí leo féin i sráidbhailte gan bhus.",
    "bg": "Възрастните хора живеят сами в селата без автобус.",
}
OTHER = {
    "sw": "Vijana wengi hawana kazi na hawajui pa kupata mafunzo.",
    "tr": "Yaşlı insanlar köylerde otobüs olmadan yalnız yaşıyor.",
    "eu": "Adineko jendea bakarrik bizi da autobusik gabeko herrietan.",
    "uk": "Молодь не може знайти роботу в нашому місті.",
    "sq": "Njerëzit e moshuar jetojnë vetëm në fshatra pa autobus.",
}


@pytest.mark.parametrize(("lang", "text"), [*OFFICIAL.items(), *OTHER.items()])
def test_it_is_told_from_a_sentence(lang: str, text: str) -> None:
    assert (detect(text), detect_surely(text)) == (lang, lang)


@pytest.mark.parametrize(
    "text", ["Barcelona", "repair cafe", "12345 67 89 !!", "asdf qwer zxcv", ""]
)
def test_what_says_little_is_taken_for_an_official_one(text: str) -> None:
    assert len(detect(text)) == 2
    assert detect(text) not in OTHER
    assert detect_surely(text) == UNKNOWN


def test_it_is_named_for_readers() -> None:
    assert language_name("hr-HR") == "Croatian"
    with speaking("de"):
        assert language_name("sw") == "Suaheli"
    assert language_name("xx") == "xx"


@pytest.mark.data
def test_no_official_language_is_taken_for_another(shared: Path) -> None:
    """The first eight words of the goals' texts; those that docs/quality.md counts."""
    with (shared / "reference/sdg/sdg_texts.tsv").open(encoding="utf-8", newline="") as stream:
        rows = [(r["lang"], r["text"].split()[:8]) for r in csv.DictReader(stream, delimiter="\t")]
    asked = [(lang, " ".join(words)) for lang, words in rows if len(words) > 2]
    total = Counter(lang for lang, _ in asked)
    outside = Counter(lang for lang, text in asked if detect(text) not in LANGUAGES)
    assert sum(total[lang] for lang in LANGUAGES) > 3_000
    assert not any(outside[lang] for lang in LANGUAGES)
    assert all(outside[lang] >= 0.95 * total[lang] for lang in ("sw", "tr", "uk", "tk", "ar"))
