"""Find the entry that somebody means by its title, as people type titles."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from kg.catalogue.catalogue import CatalogueSnapshot
from kg.catalogue.rows import Row
from kg.errors import refused
from kg.text.folding import fold
from kg.text.i18n import gettext

#: how many entries of a class are offered to choose from
MAX_OFFERED = 500
#: how many titles a refusal names, how many letters are compared with titles
MAX_NAMED, MAX_TYPED = 5, 200
#: how many entries with a text in their titles are looked at
_HOLDING = 200
_NAMED = re.compile(r"(?P<title>.+) \((?P<slug>[^()\s]{1,120})\)", re.DOTALL)


def find(snapshot: CatalogueSnapshot, path: str, text: str) -> str | None:
    """The entry of a class with this title or ``title (name)``.

    What was typed without accents is found too, unless it could be several titles.
    """
    called = snapshot.called(path, text)
    iris = snapshot.iris(row for row, _ in called)
    same = [row for row, title in called if title.casefold() == text.casefold()]
    if same:
        return min(iris[row] for row in same)
    titles = {title.casefold() for _, title in called}
    if len(titles) == 1:
        return min(iris.values())
    if not titles and (named := _NAMED.fullmatch(" ".join(text.split()))):
        iri = f"{snapshot.base}id/{path}/{named['slug']}"
        rows = snapshot.entries([iri])
        if any(fold(title.value) == fold(named["title"]) for row in rows for title in row.titles):
            return iri
    return None


def meant(snapshot: CatalogueSnapshot, text: str, paths: Sequence[str]) -> str:
    """The entry meant by a title or a part of one, an address, a name or ``class/name``.

    Raises Refused with the closest titles if there is none, or with some if there are several.
    """
    choose = gettext("Choose from the list as you type.")
    if not text:
        raise refused("", choose)
    ids = f"{snapshot.base}id/"
    names = [text, f"{ids}{text}", *(f"{ids}{path}/{text}" for path in paths)]
    if named := [row.iri for row in snapshot.entries(names) if row.path in paths]:
        return named[0]
    for path in paths:
        if titled := find(snapshot, path, text):
            return titled
    typed, of_class = fold(text[:MAX_TYPED]), snapshot.passing({"type": paths})
    rows = snapshot.page(snapshot.named(typed) & of_class, "iri", 0, _HOLDING)
    holding: dict[tuple[str, str], tuple[str, str]] = {}
    for row in snapshot.read(rows):
        for title in row.titles:
            plain, own = fold(title.value), (row.path, title.value.casefold())
            if typed in plain:
                holding.setdefault(own, (plain, row.iri))
    pairs = sorted(holding.values())
    whole = [iri for plain, iri in pairs if plain == typed]
    likely = list(dict.fromkeys(whole or [iri for _, iri in pairs]))
    if len(likely) == 1:
        return likely[0]
    if likely:
        known = snapshot.entries(likely)
    else:
        alike = snapshot.read(snapshot.alike(typed) & of_class)
        spelt = {fold(title.value): row for row in alike for title in row.titles}
        known = [spelt[name] for name in difflib.get_close_matches(typed, spelt, n=3, cutoff=0.6)]
    labels = "; ".join(dict.fromkeys(row.label for row in known[:MAX_NAMED]))
    raise refused(
        "",
        gettext("Several entries are called so.")
        if likely
        else gettext("Nothing of this kind is called “%(name)s” here.", name=text[:60]),
        value=text[:MAX_TYPED],
        hint=gettext("Did you mean %(names)s?", names=labels) if labels else choose,
    )


def offered(snapshot: CatalogueSnapshot, path: str) -> list[Row]:
    """The entries of a class to choose from, by IRI."""
    of_class = snapshot.passing({"type": [path]})
    return snapshot.read(snapshot.page(of_class, "iri", 0, MAX_OFFERED))
