"""One table of what every route and every command asks of whoever uses it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from flask import Flask, g, request
from werkzeug.exceptions import NotFound

from kg.errors import Forbidden
from kg.text.i18n import gettext
from matcher.kinds import KINDS
from service.core.rights import Principal, Role
from service.core.runtime import current
from service.http import login


class Needs(Enum):
    """What is asked of whoever uses a route or a command."""

    NOTHING = "nothing"
    #: a page that checks and shows what was typed, and asks who it is before it stores
    SIGNING = "signing"
    CONTRIBUTOR = "contributor"
    CURATOR = "curator"
    ADMINISTRATOR = "administrator"
    #: nothing where PASSERELLE_METRICS is public; else it is there for administrators only
    METRICS = "metrics"
    #: an account of the machine that can open the home
    HOME = "home"


_READ = {"GET": Needs.NOTHING}
_ASK = {"GET": Needs.NOTHING, "POST": Needs.NOTHING}
_FORM = {"GET": Needs.NOTHING, "POST": Needs.SIGNING}
_PAGES = (
    *("pages.home", "finding.search", "finding.numbers", "finding.robots", "finding.sitemap"),
    *("content.entry", "content.ontology", "content.schemes", "content.scheme"),
    *("content.concept", "content.context", "content.past"),
    *("workspace.show", "workspace.brief", "workspace.brief_pdf"),
    *("partnering.partners", "partnering.consortium", "partnering.groups"),
)
#: endpoint -> method -> what it needs; HEAD is GET, OPTIONS needs nothing
ROUTES: Mapping[str, Mapping[str, Needs]] = {
    "static": _READ,
    # the API
    "api.health": _READ,
    "api.ready": _READ,
    "api.stats": _READ,
    "api.find_places": _READ,
    "api.metrics": {"GET": Needs.METRICS},
    "api.list_or_read": _READ,
    "api.read": _READ,
    "api.validate": {"POST": Needs.NOTHING},
    "api.create": {"POST": Needs.CURATOR},
    "api.replace": {"PUT": Needs.CONTRIBUTOR},
    "api.replace_by_iri": {"PUT": Needs.CONTRIBUTOR},
    "api.delete": {"DELETE": Needs.CURATOR},
    "api.delete_by_iri": {"DELETE": Needs.CURATOR},
    "history.read": _READ,
    "history.restore": {"POST": Needs.CURATOR},
    "history.merge": {"POST": Needs.CURATOR},
    "history.unmerge": {"POST": Needs.CURATOR},
    **{f"matching.{name}": {"POST": Needs.NOTHING} for name in KINDS},
    # a visitor is counted; what the holder of a token says is stored
    "matching.receive_feedback": {"POST": Needs.NOTHING},
    "documentation.openapi": _READ,
    "documentation.docs": _READ,
    # SPARQL and graphs
    "sparql.run": _ASK,
    "sparql.dataset": _READ,
    "graphstore.read": _READ,
    "graphstore.add": {"POST": Needs.CONTRIBUTOR},
    "graphstore.replace": {"PUT": Needs.CONTRIBUTOR},
    "graphstore.delete": {"DELETE": Needs.CURATOR},
    "graphstore.add_directly": {"POST": Needs.CONTRIBUTOR},
    "graphstore.replace_directly": {"PUT": Needs.CONTRIBUTOR},
    "graphstore.delete_directly": {"DELETE": Needs.CURATOR},
    # pages; a question of a visitor and a vote need nothing
    **dict.fromkeys(_PAGES, _READ),
    "pages.tell": {"POST": Needs.NOTHING},
    "contribute.start": _READ,
    "contribute.sign_in": {"POST": Needs.SIGNING},
    "contribute.sign_out": {"POST": Needs.SIGNING},
    "contribute.create": _FORM,
    "contribute.change": _FORM,
    "contribute.remove": {"POST": Needs.SIGNING},
    "contribute.restore": {"POST": Needs.SIGNING},
    "identity.leave": _READ,
    "identity.come_back": _READ,
}
#: what needs no more than an account of the machine that can open the home: every command
COMMANDS: Mapping[str, Needs] = dict.fromkeys(
    (
        *("serve", "import", "export", "undo", "validate", "reindex", "match", "feedback"),
        *("evaluate", "queries", "token create", "token list", "token revoke"),
        *("account tie", "account untie", "audit"),
    ),
    Needs.HOME,
)


def install(app: Flask) -> None:
    """Check every request against the table; a route that is not in it is a mistake here."""
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if missing := methods - ROUTES.get(rule.endpoint, {}).keys():
            raise LookupError(f"Nobody said who may {sorted(missing)} {rule.endpoint}.")
    app.before_request(check)


def check() -> None:
    """Raise 401 or Forbidden where whoever asks may not use the route of the request."""
    method = "GET" if request.method == "HEAD" else request.method
    needs = ROUTES.get(request.endpoint or "", {}).get(method, Needs.NOTHING)
    if needs is Needs.METRICS and not current().settings.metrics:
        if request.authorization is None:
            raise NotFound
        needs = Needs.ADMINISTRATOR
    if needs in {Needs.CONTRIBUTOR, Needs.CURATOR, Needs.ADMINISTRATOR}:
        g.writer = require(login.by_token(), needs.value)


def require(who: Principal, role: Role) -> Principal:
    """Give back who has a role; raises Forbidden for a lower one."""
    if who.at_least(role):
        return who
    raise Forbidden(
        gettext("This needs the role %(needed)s; yours is %(role)s.", needed=role, role=who.role)
    )


def writer() -> Principal:
    """Who holds the token of a request whose route needs one."""
    principal: Principal = g.writer
    return principal
