"""The pages to find partners: one by one, as a consortium, and in a community."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, render_template, request

from kg.text.i18n import gettext, mark
from service.core.lists import named
from service.core.runtime import current
from service.http import login
from service.pages.partners import view
from service.pages.partners.form import Asking, PartnerPage
from service.pages.parts.labels import options
from service.pages.parts.match_cards import PARTNER_NAMES

partnering = Blueprint("partnering", __name__)
VIEWS = {"list": mark("List"), "graph": mark("Graph and table")}


@partnering.get("/partners")
def partners() -> Response:
    """Show with whom an organisation, or whoever describes a need, could work."""
    page, _ = _asked(view.partners, "actor", "q")
    kinds = {kind: gettext(name) for kind, name in PARTNER_NAMES.items()}
    return _page("partners.html", page, _listed(actor=("actor",)), kinds=kinds)


@partnering.get("/consortium")
def consortium() -> Response:
    """Show a set of organisations for a call, a practice or a challenge under rules."""
    page, asking = _asked(view.consortium, "about", "q")
    return _page(
        "consortium.html",
        page,
        _listed(about=tuple(view.ABOUT), actor=("actor",)),
        kinds=options("actor-type"),
        rules=view.rules_kept(asking, page.answer),
        ruled=any(asking.word(name) for name in view.RULES),
    )


@partnering.get("/groups")
def groups() -> Response:
    """Show which members of a community can teach each other."""
    page, asking = _asked(view.groups, "community")
    return _page("groups.html", page, _listed(community=("community",)), link=asking.link)


def _asked(ask: Callable[[Asking], PartnerPage], *fields: str) -> tuple[PartnerPage, Asking]:
    """Answer the request; the page stays empty where none of the fields was sent."""
    asking = Asking(current(), request.args, request.script_root)
    sent = any(name in request.args for name in fields)
    return ask(asking) if sent else PartnerPage(request.args), asking


def _listed(**fields: tuple[str, ...]) -> dict[str, list[str]]:
    lists = current().lists
    return {
        name: [named(title, slug) for path in paths for slug, title in lists.offered(path).items()]
        for name, paths in fields.items()
    }


def _page(
    template: str, page: PartnerPage, listed: Mapping[str, list[str]], **more: object
) -> Response:
    body = render_template(
        template,
        page=page,
        typed=page.typed,
        listed=listed,
        views=VIEWS,
        places=current().lists.places.offered(),
        **more,
    )
    shown = Response(body, page.status, content_type="text/html; charset=utf-8")
    shown.vary.add("Accept-Language")
    shown.cache_control.private = True
    if page.status == 503:
        shown.headers["Retry-After"] = "10"
    if page.rows:
        login.start_session()
    return shown
