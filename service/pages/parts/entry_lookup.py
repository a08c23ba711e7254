"""Find the entry that a person means by its title, as far as it is typed."""

from __future__ import annotations

import difflib

from kg.errors import refused
from kg.text.folding import fold
from kg.text.i18n import gettext, language
from service.core.lists import Titles, named

MAX_SAID, MAX_TYPED = 5, 200


def find(titles: Titles, base: str, text: str, paths: tuple[str, ...], field: str) -> str:
    """The entry meant by a title or a part of one, an address, a name or ``class/name``.

    Raises Refused with the closest titles if there is none, or with some if there are several.
    """
    if not text:
        raise refused(field, gettext("Choose from the list as you type."))
    shelf = titles.shelf
    for iri in (text, f"{base}id/{text}", *(f"{base}id/{path}/{text}" for path in paths)):
        if iri in shelf.position and shelf.rows[shelf.position[iri]].path in paths:
            return iri
    for path in paths:
        if titled := titles.find(path, text):
            return titled
    typed = fold(text[:MAX_TYPED])
    folded = sorted(
        (t, iri) for path in paths for t, iris in titles.folded[path].items() for iri in iris
    )
    holding = dict.fromkeys(
        [i for t, i in folded if t == typed] or [i for t, i in folded if typed in t]
    )
    if len(holding) == 1:
        return next(iter(holding))
    close = difflib.get_close_matches(typed, dict(folded), n=3, cutoff=0.6)
    meant = list(holding) or [iri for title in close for t, iri in folded if t == title]
    rows = [shelf.rows[shelf.position[iri]] for iri in meant[:MAX_SAID]]
    names = "; ".join(dict.fromkeys(named(r.title(language()).value, r.iri) for r in rows))
    raise refused(
        field,
        gettext("Several entries are called so.")
        if holding
        else gettext("Nothing of this kind is called “%(name)s” here.", name=text[:60]),
        value=text[:MAX_TYPED],
        hint=gettext("Did you mean %(names)s?", names=names)
        if names
        else gettext("Choose from the list as you type."),
    )
