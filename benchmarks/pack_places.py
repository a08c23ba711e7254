"""Pack the names of Europe's places and regions into the files that the look-up reads.

    python -m benchmarks.pack_places --data ../shared/data

Reads ``reference/places_of_europe.tsv.gz`` (GeoNames, CC BY 4.0; codes of Eurostat),
``reference/nuts_2021.tsv`` (Eurostat) and ``reference/eurovoc/eurovoc_tc.tsv`` (European Union),
and writes ``kg/catalogue/places.tsv.xz`` and ``kg/catalogue/region_names.tsv``. Of the other names
of a place those are left out that nobody in Europe types: airport codes, transliterations, other
scripts than the Latin, Greek and Cyrillic ones, and what folds to a name that is there already.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import lzma
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel import Locale

from kg.catalogue.gazetteer import PLACES, REGIONS, key, without_umlauts
from kg.vocabulary import ISO

CATALOGUE = Path(__file__).resolve().parent.parent / "kg" / "catalogue"
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
_CODE = re.compile("[A-Z]{3,4}")
#: how names begin or end that were carried over from languages of other continents
_FOREIGN = re.compile(r"Lungsod ng |Kota |.* (khot|osh)$|.*'$")
_EUROPEAN = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split()
_NEIGHBOURS = ("is", "mk", "nb", "sq", "sr", "sr_Latn", "tr", "uk", "ca", "eu", "gl")
#: regions that have the name of something else in EuroVoc: a sea, a people, another region
_SOMETHING_ELSE = set("DEA3 ES1 ES2 ES614 FRD12 FRI34 IE052 IE053 ITH ITI43 PT16B".split())
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)")


def typed(name: str) -> bool:
    """Whether somebody in Europe could type this name of a place."""
    if _CODE.fullmatch(name) or _FOREIGN.match(name):
        return False
    first = name.removeprefix("'s").removeprefix("'t").lstrip(" -'’")
    if not first[:1].isupper():
        return False
    letters = (unicodedata.name(c, "") for c in name if c.isalpha())
    return all(letter.startswith(_SCRIPTS) for letter in letters)


def pruned(name: str, others: Iterable[str]) -> list[str]:
    """The other names of a place that add one to look it up by, accented spellings first."""
    known = {key(name), without_umlauts(key(name))}
    kept = []
    for other in sorted(others, key=lambda other: (other.isascii(), other)):
        plain = key(other)
        if typed(other) and plain not in known and without_umlauts(plain) not in known:
            known.add(plain)
            kept.append(other)
    return sorted(kept)


def places(data: Path) -> Iterator[str]:
    """Yield a line of each place, those of a region together, the largest first."""
    with gzip.open(data / "reference" / "places_of_europe.tsv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in sorted(rows, key=lambda row: (row["nuts3"], -int(row["population"]), row["name"])):
        spot = (f"{float(row[axis]):.4f}".rstrip("0") for axis in ("lat", "lon"))
        others = "|".join(pruned(row["name"], row["other_names"].split("|")))
        yield "\t".join([row["name"], row["nuts3"], *spot, row["population"], others])


def countries(regions: Iterable[dict[str, str]]) -> Iterator[tuple[str, set[str]]]:
    """Yield what each country is called in the languages of Europe."""
    for region in regions:
        if region["level"] == "0":
            iso = ISO.get(region["code"], region["code"])
            locales = (Locale.parse(lang) for lang in (*_EUROPEAN, *_NEIGHBOURS))
            yield region["code"], {locale.territories[iso] for locale in locales}


def regions(data: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield what regions are called in 24 languages: EuroVoc's concepts that have their names."""
    with (data / "reference" / "nuts_2021.tsv").open(encoding="utf-8") as file:
        nuts = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    with (data / "reference" / "eurovoc" / "eurovoc_tc.tsv").open(encoding="utf-8") as file:
        concepts = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    yield from countries(nuts)
    by_label: dict[str, list[dict[str, str]]] = defaultdict(list)
    for concept in concepts:
        labels = {lang: _IN_BRACKETS.sub("", concept[lang] or "") for lang in _EUROPEAN}
        if labels["en"][:1].isupper() and labels["fr"][:1].isupper():
            for plain in {key(label) for label in labels.values()} - {""}:
                by_label[plain].append(labels)
    for region in nuts:
        if not region["code"][2:].strip("0") or region["code"] in _SOMETHING_ELSE:
            continue
        named = [c for part in region["name"].split("/") for c in by_label.get(key(part), ())]
        if named:
            yield region["code"], {label for label in named[0].values() if label}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    text = "\n".join([*places(data), ""])
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0}]
    (CATALOGUE / PLACES).write_bytes(lzma.compress(text.encode(), filters=filters))
    lines = [f"{code}\t{'|'.join(sorted(names))}" for code, names in regions(data)]
    (CATALOGUE / REGIONS).write_text("\n".join([*lines, ""]), "utf-8")
    print(f"{len(text.splitlines())} places, {(CATALOGUE / PLACES).stat().st_size} bytes;")
    print(f"{len(lines)} regions, {(CATALOGUE / REGIONS).stat().st_size} bytes")


if __name__ == "__main__":
    main()
