"""The pages to find partners: one by one, as a consortium, and in a community."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from kg.catalogue.titles import offered
from kg.text.i18n import gettext, mark
from matcher.kinds import KINDS
from service.core.runtime import current
from service.http import login
from service.http.responses import html_page
from service.pages.partners import view
from service.pages.partners.view import PartnerPage
from service.pages.parts.forms import Draft, Form
from service.pages.parts.labels import labels, options
from service.pages.parts.match_cards import PARTNER_NAMES

partnering = Blueprint("partnering", __name__)
VIEWS = {"list": mark("List"), "graph": mark("Graph and table")}


@partnering.get("/partners")
def partners() -> Response:
    """Show with whom an organisation, or whoever describes a need, could work."""
    page = _asked("partners", view.partners, "actor", "q")
    kinds = {kind: gettext(name) for kind, name in PARTNER_NAMES.items()}
    return _page("partners.html", page, {"actor": ("actor",)}, kinds=kinds)


@partnering.get("/consortium")
def consortium() -> Response:
    """Show a set of organisations for a call, a practice or a challenge under rules."""
    page = _asked("consortium", view.consortium, "about", "q")
    return _page(
        "consortium.html",
        page,
        {"about": KINDS["consortium"].paths, "actor": ("actor",)},
        kinds=options("actor-type"),
        rules=view.rules_kept(page.draft.labels, page.answer),
        ruled=any(page.draft.form.one(name) for name in view.RULES),
    )


@partnering.get("/groups")
def groups() -> Response:
    """Show which members of a community can teach each other."""
    page = _asked("groups", view.groups, "community")
    return _page("groups.html", page, {"community": ("community",)})


def _asked(kind: str, answer: Callable[[Draft], PartnerPage], *fields: str) -> PartnerPage:
    """Answer the request; the page stays empty where none of the fields was sent."""
    draft = Draft(kind, labels(), Form(request.args), view.FIELDS)
    return answer(draft) if draft.form.sent(*fields) else PartnerPage(draft)


def _page(
    template: str, page: PartnerPage, listed: dict[str, tuple[str, ...]], **more: object
) -> Response:
    answer = html_page(
        template,
        page.status,
        page=page,
        form=page.draft.form,
        here=page.draft.labels,
        listed={
            name: [row.label for path in paths for row in offered(page.draft.labels.snapshot, path)]
            for name, paths in listed.items()
        },
        views=VIEWS,
        places=current().places.offered(),
        **more,
    )
    if page.rows:
        login.start_session()
    return answer
