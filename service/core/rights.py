"""Who may do what: roles, the part of Europe or the communities that they hold for, and entries.

Administrators do everything. Curators publish, edit, review and restore: in their countries, or
for their communities, where they have any; territories are not theirs. Contributors edit the
entries of their organisation: its own, and the practices that it leads.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from kg.catalogue.lists import countries
from kg.catalogue.rows import leaders
from kg.entry import Entry
from kg.errors import Forbidden, refused
from kg.stores.protocol import Store
from kg.text.i18n import gettext
from kg.vocabulary import DCT, PREFIXES, PSR

Role = Literal["contributor", "curator", "administrator"]
#: from the least to the most
ROLES: tuple[Role, ...] = get_args(Role)
#: what ties an entry to a community, from the entry's side
_TIES = (PREFIXES["org"] + "memberOf", DCT + "isPartOf")
#: where an entry says in which places it is
_PLACES = (DCT + "spatial", PSR + "targetTerritory", PSR + "eligibleTerritory")


@dataclass(frozen=True)
class Principal:
    """Who asks, by the name that history shows, and what they may do.

    ``countries`` (ISO codes) and ``communities`` (IRIs) narrow what a curator may write; where
    both are empty it is everything. ``token`` or ``account`` is the row that says so.
    """

    name: str
    role: Role
    countries: tuple[str, ...] = ()
    communities: tuple[str, ...] = ()
    organisation: str | None = None
    token: str | None = None
    account: str | None = None

    def at_least(self, role: Role) -> bool:
        """Whether the role of this one is as high."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def rights(self) -> str:
        """A fingerprint of all that this one may do; where it changes, sessions end."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


#: whoever can open the home, as by a command
OPERATOR = Principal("operator", "administrator")


def as_role(text: str) -> Role:
    """Read a role; raises Refused for another word."""
    for role in ROLES:
        if text == role:
            return role
    raise refused("role", f"{text!r} is no role.", hint=f"Use {', '.join(ROLES)}.", value=text)


def check_write(store: Store, who: Principal, before: Entry | None, after: Entry | None) -> None:
    """Raise Forbidden unless somebody may turn one state of an entry into another.

    None is no entry: there is none yet, or it is removed.
    """
    states = [entry for entry in (before, after) if entry]
    if who.role == "administrator":
        return
    if any(entry.path == "territory" for entry in states):
        raise Forbidden(gettext("Territories are edited by administrators only."))
    if who.role == "contributor":
        if before is None or after is None:
            raise Forbidden(
                gettext(
                    "A contributor edits the entries of their organisation; curators add"
                    " and remove entries."
                )
            )
        if not all(belongs(entry, who.organisation) for entry in states):
            raise Forbidden(
                gettext("This entry is not one of your organisation: its own, or one it leads.")
            )
        return
    if not who.countries and not who.communities:
        return
    for entry in states:
        tied = {entry.iri, *(iri for tie in _TIES for iri in entry.links(tie))}
        # A draft is not stored: it is asked where its places are.
        places = {iri for prop in _PLACES for iri in entry.links(prop)} if who.countries else ()
        inside = any(code in who.countries for iri in places for code in countries(store, iri))
        if not inside and tied.isdisjoint(who.communities):
            scope = ", ".join((*who.countries, *who.communities))
            raise Forbidden(
                gettext("You may write entries of %(scope)s only; this one is not.", scope=scope)
            )


def belongs(entry: Entry, organisation: str | None) -> bool:
    """Whether an entry is an organisation's own, or one that it leads."""
    if organisation is None:
        return False
    return organisation in (entry.iri, *leaders(entry))
