"""Find the entry that a person means by its title, as far as it is typed."""

from __future__ import annotations

import difflib

from kg.errors import refused
from kg.i18n import gettext, language
from kg.shelf import Row, Shelf
from service.finding import named, titles
from service.places import fold

MAX_SAID, MAX_TYPED = 5, 200


def find(shelf: Shelf, base: str, text: str, paths: tuple[str, ...], field: str) -> str:
    """Return the entry meant by a title or a part of one, an address, a name or ``class/name``.

    Raises Refused with the closest titles if there is none, or with some if there are several.
    """
    if not text:
        raise refused(field, gettext("Choose from the list as you type."))
    for iri in (text, f"{base}id/{text}", *(f"{base}id/{path}/{text}" for path in paths)):
        if iri in shelf.position and shelf.rows[shelf.position[iri]].path in paths:
            return iri
    known = titles()
    for path in paths:
        if found := known[path].get(text.casefold()):
            return found
    asked = fold(text[:MAX_TYPED])
    rows = shelf.members(shelf.narrowed({"type": paths}, shelf.all))
    folded = {fold(title.value): row for row in rows for title in row.titles}
    holding = {row.iri: row for title, row in sorted(folded.items()) if asked in title}
    if len(holding) == 1:
        return next(iter(holding))
    close = difflib.get_close_matches(asked, sorted(folded), n=3, cutoff=0.6)
    meant = list(holding.values()) or [folded[title] for title in close]
    names = "; ".join(dict.fromkeys(_label(row) for row in meant[:MAX_SAID]))
    raise refused(
        field,
        gettext("Several entries are called so.") if holding
        else gettext("Nothing of this kind is called “%(name)s” here.", name=text[:60]),
        value=text[:MAX_TYPED],
        hint=gettext("Did you mean %(names)s?", names=names) if names
        else gettext("Choose from the list as you type."),
    )  # fmt: skip


def _label(row: Row) -> str:
    return named(row.title(language()).value, row.iri)
