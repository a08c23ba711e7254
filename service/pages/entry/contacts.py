"""How to reach the organisation behind an entry, and how to report what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from kg.entry import Entry
from kg.errors import NotFound
from kg.stores.protocol import Store
from kg.text.i18n import gettext, language
from kg.text.number_formats import day
from kg.vocabulary import DCT, PSR, SCHEMA, VOC, vocabulary
from service.pages.parts.components import Piece, local_href, web_link

MAX_ACTORS = 4
#: class path -> the property that names the organisation to ask
_RESPONSIBLE = {
    "transfer": PSR + "adopter",
    "plan": PSR + "owner",
    "community": PSR + "host",
    "call": PSR + "organiser",
}
_ROLES = ("lead", "operator", "owner", "host", "employer", "mentor", "partner")


@dataclass(frozen=True)
class Contact:
    """An organisation, its part in the entry, its public pages and when they were checked."""

    actor: Piece
    role: str
    pages: tuple[Piece, ...]
    checked: str


@dataclass(frozen=True)
class Reach:
    """The organisations to ask and the entry's own page; ``sources`` when nothing is known."""

    contacts: tuple[Contact, ...]
    own_page: tuple[Piece, ...]
    sources: tuple[Piece, ...]

    @property
    def known(self) -> bool:
        """Whether there is any page by which somebody can be reached."""
        return bool(self.own_page) or any(contact.pages for contact in self.contacts)


def reach(store: Store, entry: Entry, root: str = "") -> Reach | None:
    """Say how to reach who stands behind an entry; None for challenges and places."""
    if entry.path in {"challenge", "territory"}:
        return None
    actors = [] if entry.path == "actor" else _actors(entry)
    contacts = [c for iri, role in actors[:MAX_ACTORS] if (c := _contact(store, iri, role, root))]
    own = entry.links(PSR + "contactPage") + entry.links(SCHEMA + "url")
    return Reach(
        contacts=tuple(contacts),
        own_page=tuple(web_link(iri) for iri in dict.fromkeys(own)),
        sources=tuple(web_link(iri) for iri in entry.links(DCT + "source")[:2]),
    )


def _actors(entry: Entry) -> list[tuple[str, str]]:
    """The organisations of an entry with their roles, who leads first."""
    if entry.path in _RESPONSIBLE:
        return [(iri, "") for iri in entry.links(_RESPONSIBLE[entry.path])]
    actors: list[tuple[str, str]] = []
    for node in entry.links(PSR + "hasInvolvement"):
        role = (entry.links(PSR + "role", node) or [""])[0]
        actors += [(iri, role) for iri in entry.links(PSR + "actor", node)]
    order = {f"{VOC}role/{slug}": rank for rank, slug in enumerate(_ROLES)}
    actors.sort(key=lambda pair: (order.get(pair[1], len(order)), pair[0]))
    first: dict[str, str] = {}
    for iri, role in actors:
        first.setdefault(iri, role)
    return list(first.items())


def _contact(store: Store, iri: str, role: str, root: str) -> Contact | None:
    try:
        actor = store.get(iri)
    except NotFound:
        return None
    pages = actor.links(PSR + "contactPage") + actor.links(SCHEMA + "url")
    name = actor.text(DCT + "title", language()) or actor.slug
    spoken = next((t.lang for t in actor.texts(DCT + "title") if t.value == name), "und")
    return Contact(
        actor=Piece(name, local_href(store, iri, root), "" if spoken == "und" else spoken),
        role=vocabulary().label(role, language()) if role else "",
        pages=tuple(web_link(page) for page in dict.fromkeys(pages)),
        checked=actor.text(PSR + "contactCheckedOn") or actor.text(PSR + "checkedOn") or "",
    )


@dataclass(frozen=True)
class Report:
    """A message about an entry, ready to send; ``href`` is empty if nobody is named."""

    href: str
    by_mail: bool
    body: str


def report(contact: str | None, title: str, iri: str, checked: str) -> Report:
    """The report form of an entry for the installation's contact, a mailto or URL."""
    body = "\n".join(
        [
            gettext("Entry: %(title)s", title=title),
            iri,
            gettext("Last checked: %(date)s", date=day(checked) or gettext("not stated")),
            "",
            gettext("What is wrong or outdated:"),
            "",
            gettext("How it should read, and where that can be seen:"),
            "",
        ]
    )
    address = (contact or "").strip()
    if "@" in address and "://" not in address and not address.startswith("mailto:"):
        address = "mailto:" + address
    if address.startswith("mailto:"):
        subject = gettext("Passerelle: %(title)s", title=title)
        fields = f"subject={quote(subject)}&body={quote(body)}"
        return Report(f"{address}{'&' if '?' in address else '?'}{fields}", True, body)
    return Report(address if address.startswith(("http://", "https://")) else "", False, body)
