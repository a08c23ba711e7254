"""How to reach the organisation behind an entry, and how to report what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from kg.entry import Entry
from kg.text.i18n import gettext
from kg.text.number_formats import day
from kg.vocabulary import DCT, PSR, SCHEMA, VOC
from service.pages.parts.components import Piece, web_link
from service.pages.parts.labels import Labels, label

MAX_ACTORS = 4
#: class path -> the property that names the organisation to ask
_RESPONSIBLE = {
    "transfer": PSR + "adopter",
    "plan": PSR + "owner",
    "community": PSR + "host",
    "call": PSR + "organiser",
}
_ROLES = ("lead", "operator", "owner", "host", "employer", "mentor", "partner")
_RANKS = {f"{VOC}role/{slug}": rank for rank, slug in enumerate(_ROLES)}


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


def reach(labels: Labels, entry: Entry) -> Reach | None:
    """Say how to reach who stands behind an entry; None for challenges and places."""
    if entry.path in {"challenge", "territory"}:
        return None
    roles: dict[str, str] = {}
    if entry.path in _RESPONSIBLE:
        roles = dict.fromkeys(entry.links(_RESPONSIBLE[entry.path]), "")
    elif entry.path != "actor":
        involved = (
            (iri, next(iter(entry.links(PSR + "role", node)), ""))
            for node in entry.links(PSR + "hasInvolvement")
            for iri in entry.links(PSR + "actor", node)
        )
        for iri, role in sorted(involved, key=lambda pair: (_RANKS.get(pair[1], 99), pair[0])):
            roles.setdefault(iri, role)
    contacts = (
        Contact(
            actor=labels.entry(actor.iri),
            role=label(roles[actor.iri]) if roles[actor.iri] else "",
            pages=_pages(actor),
            checked=actor.text(PSR + "contactCheckedOn") or actor.text(PSR + "checkedOn") or "",
        )
        for actor in labels.runtime.store.several(list(roles)[:MAX_ACTORS])
    )
    sources = tuple(web_link(iri) for iri in entry.links(DCT + "source")[:2])
    return Reach(tuple(contacts), _pages(entry), sources)


def _pages(entry: Entry) -> tuple[Piece, ...]:
    pages = entry.links(PSR + "contactPage") + entry.links(SCHEMA + "url")
    return tuple(web_link(iri) for iri in dict.fromkeys(pages))


@dataclass(frozen=True)
class Message:
    """A message about an entry, ready to send; ``href`` is empty if nobody is named."""

    href: str
    by_mail: bool
    body: str


def report(contact: str | None, title: str, iri: str, checked: str) -> Message:
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
        return Message(f"{address}{'&' if '?' in address else '?'}{fields}", True, body)
    return Message(address if address.startswith(("http://", "https://")) else "", False, body)
