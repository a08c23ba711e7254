"""No text on a page or in an answer goes past gettext: all are shown in brackets here."""

from __future__ import annotations

import gettext as stdlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pyoxigraph as ox
import pytest
from babel import Locale
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kg.text import i18n, number_formats
from kg.text.i18n import own_names
from kg.vocabulary import CLASSES, Vocabulary, graphs
from matcher.graph.view import World
from matcher.judging.criteria import WEIGHTS
from service.core.runtime import Runtime
from service.pages.home import EXAMPLES
from tests.service.conftest import BASE, practice
from tests.service.pagetools import ENTRIES

ASKED = "older people are lonely"
#: what Babel says in the reader's language
ENGLISH = Locale.parse("en").languages
#: names that are the same in every language
ALLOWED = {
    "Passerelle", "SPARQL", "API", "CSV", "XLSX", "GeoJSON", "Turtle", "N-Triples", "JSON-LD",
    "CC BY 4.0", "starter", "model hashing@00000001", *own_names().values(),
    *(ENGLISH[code] for code in own_names()),
    *(example[0].strip(".") for example in EXAMPLES), ASKED,
}  # fmt: skip
#: elements and classes whose texts are data, code or, as sample queries, English; attributes seen
CODE = {"script", "style", "code", "textarea", "pre"}
ELSE = {"iri", "letter", "chosen", "panel samples"}
SEEN = ("aria-label", "alt", "placeholder", "title")
#: codes of places, addresses, names of entries, and formats of the query form
NAMES = re.compile(
    r"[A-Z]{2}[A-Z0-9]*|\S*[/@]\S*|\w+(\.\w+)+|[a-z0-9]+(-[a-z0-9]+)+"
    r"|csv|tsv|json|xml|turtle|nt|jsonld|rdfxml"
)


class Bracketed(stdlib.NullTranslations):
    """Shows every translated text in brackets."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"⟦{msgid1 if n == 1 else msgid2}⟧"


@pytest.fixture(autouse=True)
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    label = Vocabulary.label
    monkeypatch.setattr(i18n, "_translations", lambda code: Bracketed())
    monkeypatch.setattr(Vocabulary, "label", lambda *a: f"⟦{label(*a)}⟧")
    monkeypatch.setattr(number_formats, "format_date", lambda *a: "⟦day⟧")
    # What other tests were told is kept by language; here the language is no other than theirs.
    monkeypatch.setattr(World, "kept", lambda *a: {})


@pytest.fixture(scope="module")
def literals(runtime: Runtime) -> set[str]:
    """Every text of the graph and of the vocabulary."""
    entries = [e.triples for path in CLASSES for e in runtime.store.entries(path)]
    triples = [t for some in (*entries, *(known for _, known in graphs())) for t in some]
    return {t.object.value for t in triples if isinstance(t.object, ox.Literal)}


class Texts(HTMLParser):
    """Collects the texts that a reader sees or hears, tag by tag."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.found += [known[name] or "" for name in SEEN if name in known]
        if known.get("name") == "description":
            self.found.append(known["content"] or "")
        if tag in CODE or known.get("class") in ELSE:
            self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.found.append(data)


def outside(text: str) -> str:
    """Return what of a text is not in brackets."""
    depth, found = 0, []
    for letter in text:
        depth -= letter == "⟧"
        found.append(letter if not depth and letter not in "⟦⟧" else "")
        depth += letter == "⟦"
    return "".join(found).strip()


def forgotten(text: str, literals: set[str]) -> Iterator[str]:
    """Yield the parts of a text that are neither translated nor data."""
    parts = [outside(text)]
    for cut in (" – Passerelle", "; ", r"[,;:()·–]|\s{2,}"):
        parts = [part.strip(" \n“”.…") for whole in parts for part in re.split(cut, whole)]
        parts = [re.sub(r"^[\d,.]+ ", "", part) for part in parts]
        parts = [part for part in parts if not known(part, literals)]
    yield from parts


def known(part: str, literals: set[str]) -> bool:
    """Return whether a text is data of the graph, or the same in every language."""
    if part in ALLOWED or part in literals or NAMES.fullmatch(part):
        return True
    cited = len(part) > 20 and any(part in literal for literal in literals)
    return cited or not re.search("[^\\W\\d_]", part)


PAGES = [
    "/",
    "/?q=older+people+are+lonely&mode=transfer&place=HR",
    "/?q=older+people+are+lonely&mode=partners&place=HR035",
    "/?q=older+people+are+lonely",
    "/?q=",
    "/?q=older+people+are+lonely&mode=transfer&place=nowhere",
    "/?entry=practice/dom-mladih-split&mode=transfer&place=PT",
    "/?entry=actor/city-hr-split&mode=partners",
    "/?entry=practice/nowhere",
    *ENTRIES,
    "/search",
    "/search?q=older+people+are+lonely&country=FI&view=map",
    "/search?type=practice&view=table&page=2",
    "/search?place=nowhere+at+all",
    "/search?q=older+people+are+lonely&country=MT&theme=health",
    "/transfer",
    "/transfer?challenge=loneliness&place=HR035&pick=repair-cafe&pick=sallbo-helsingborg"
    "&speaks=hr&if_budget=900&why_not=Dom+mladih",
    "/transfer?q=&place=&budget=many&if_budget=1,200&why_not=nothing&w_P1=-1",
    "/transfer/brief?challenge=loneliness&place=HR035&if_actor_type=university&w_P1=3",
    "/numbers",
    "/partners",
    "/partners?q=older+people+are+lonely&place=HR",
    "/partners?actor=actor/city-hr-split&view=graph",
    "/partners?actor=Split&place=nowhere&kind=friend",
    "/consortium",
    "/consortium?about=call/esf-si-2023-ncc-01",
    "/consortium?about=practice/dom-mladih-split&place=LV&seats=4&view=graph",
    "/consortium?about=call/esf-si-2023-ncc-01&countries=MT",
    "/consortium?q=x&seats=many&must=City+of+Split&exclude=City+of+Split&countries=nowhere",
    "/groups",
    "/groups?community=community/sea4neb",
    "/groups?community=community/elif&size=1",
    "/contribute",
    *(f"/contribute/{path}" for path in CLASSES if path not in {"territory", "match"}),
    "/contribute/practice/dom-mladih-split",
    "/contribute/nothing",
    "/voc/theme",
    "/sparql",
    "/transfer?q=older+people+are+lonely&place=HR035",
    "/transfer?q=older+people+are+lonely&place=HR035&budget_per_head=10&w_P1=50&pick=dom-mladih-split"
    "&pick=buurtzorg&compare=dom-mladih-split&compare=buurtzorg&why_not=dom-mladih-split",
    "/transfer?q=older+people+are+lonely&place=nowhere&budget_per_head=many&why_not=nothing",
    "/transfer?q=&place=",
    "/transfer/brief?q=older+people+are+lonely&place=HR035&pick=dom-mladih-split",
    "/partners?q=older+people+are+lonely&place=HR035",
    "/partners?actor=city-hr-split&view=graph",
    "/partners?q=&place=nowhere",
    "/partners?actor=nobody&kind=friend",
    "/consortium?about=call/elif-clsi-2024",
    "/consortium?q=older+people+are+lonely&place=LV&seats=2&countries=MT",
    "/consortium?about=nothing&seats=many",
    "/groups?community=elif",
    "/groups?community=nothing&size=1",
    "/id/practice/dom-mladih-split?format=nothing",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_text_of_a_page_can_be_translated(
    client: FlaskClient, literals: set[str], path: str
) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    found = Texts()
    found.feed(answer.text)
    assert [part for text in found.found for part in forgotten(text, literals)] == []
    assert sum("⟦" in text for text in found.found) > 10


FORMS: list[tuple[str, dict[str, str], int]] = [
    ("sign-in", {"token": "wrong"}, 401),
    ("practice", {}, 422),
    ("practice", {"dct:title": ASKED, "dct:spatial": "nowhere", "psr:staff": "many"}, 422),
    ("practice", {"dct:title": ASKED, "do": "send"}, 401),
    ("practice/dom-mladih-split", {"dct:title": ASKED, "psr:budget": "-1"}, 422),
    ("practice/dom-mladih-split/delete", {}, 401),
]


@pytest.mark.parametrize(("path", "typed", "status"), FORMS)
def test_every_text_of_a_refused_form_can_be_translated(
    client: FlaskClient, literals: set[str], path: str, typed: dict[str, str], status: int
) -> None:
    answer = client.post(f"/contribute/{path}", data=typed)
    assert answer.status_code == status
    found = Texts()
    found.feed(answer.text)
    assert [part for text in found.found for part in forgotten(text, literals)] == []


PRACTICE = practice("translated").decode()
PUT = "/api/entries/practice/translated"
REFUSED = [
    PRACTICE.replace("dct:title", "psr:titel"),
    PRACTICE.replace("id/territory/HR035", "id/actor/nobody"),
    PRACTICE.replace("psr:Practice", "psr:Practise"),
    PRACTICE.replace("id/practice", "id/practise"),
    PRACTICE + "<id/practice/another> a psr:Practice .",
    PRACTICE + "<id/practice/translated> psr:staff 'many' ; psr:url <nowhere> .",
    PRACTICE + "<id/practice/translated> psr:staff 'x'^^xsd:decimal ; psr:toolkit <mailto:a@b> .",
    PRACTICE + "<id/practice/translated> psr:hasOutcome [] , _:a ; psr:hasEvidence _:a .",
    "this is no Turtle",
    "[" * 99,
]
JSON_LD: list[Any] = [
    [], {"@context": "https://example.org/"}, {"id": 1}, {"titel": "x"}, {"title": {"e n": "x"}},
    {"title": [["x"]], "url": "a b"}, {"title": {"en": 3}},
]  # fmt: skip
QUESTIONS: list[tuple[str, Any]] = [
    ("similar", {}),
    ("similar", []),
    ("similar", {"text": ""}),
    ("similar", {"text": "x\u0000"}),
    ("similar", {"text": 5, "limit": 0, "lang": "?", "filters": [], "diversity": "size"}),
    ("similar", {"text": "x", "limit": 1000, "colour": "red", "quota": "many"}),
    ("similar", {"text": "x", "quota": 50}),
    ("similar", {"entry": "nowhere", "text": "x"}),
    ("similar", {"entry": "nowhere"}),
    ("similar", {"text": "x", "filters": {"country": ["XX"], "theme": ["x"], "type": ["x"]}}),
    ("similar", {"text": "x", "filters": {"territory": ["XX"], "language": ["xx"], "size": 3}}),
    ("transfer", {"text": ASKED}),
    ("transfer", {"text": ASKED, "territory": "XX"}),
    ("transfer", {"text": ASKED, "territory": "HR035", "weights": {"X9": 1, "P1": -1}}),
    ("transfer", {"text": ASKED, "territory": "HR035", "weights": dict.fromkeys(WEIGHTS, 0)}),
    ("transfer", {"text": ASKED, "territory": "HR035", "what_if": {}}),
    (
        "transfer",
        {
            "text": ASKED, "territory": "HR035",
            "target": {"budget_per_head": 10, "actor_types": ["public-authority"]},
            "what_if": {"budget_per_head": 5, "actor_types": ["public-authority"]},
        },
    ),
    (
        "transfer",
        {
            "text": ASKED, "territory": "HR035", "target": {"budget_per_head": 10},
            "what_if": {"actor_types": ["social-enterprise"]},
            "why_not": f"{BASE}id/practice/dom-mladih-split",
        },
    ),
    ("partners", {"text": ASKED}),
    ("partners", {"text": "bus", "territory": "HR035", "kinds": ["friend"]}),
    ("partners", {"text": ASKED, "territory": "HR035"}),
    ("partners", {"actor": f"{BASE}id/practice/dom-mladih-split"}),
    ("partners", {"actor": f"{BASE}id/actor/city-hr-split"}),
    ("instruments", {"text": ASKED, "territory": "LV", "amount": 5000, "partners": 2}),
    ("consortium", {"call": f"{BASE}id/call/elif-clsi-2024"}),
    ("consortium", {"text": ASKED, "territory": "LV", "rules": {"seats": 2, "countries": ["MT"]}}),
    ("consortium", {"text": ASKED, "rules": {"seats": 1, "must": ["x"], "countries": ["XX"]}}),
    ("groups", {"community": f"{BASE}id/community/elif"}),
    ("groups", {"community": "x", "size": 1}),
]  # fmt: skip
#: keys whose values are sentences
WORDS = {"detail", "message", "hint", "text", "notes", "condition", "gap", "covers", "uncovered"}


def sentences(body: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the texts for people in an answer."""
    if isinstance(body, list):
        for item in body:
            yield from sentences(item)
    elif isinstance(body, dict):
        for key, value in body.items():
            if key in WORDS and value and key != "stamp":
                yield from [value] if isinstance(value, str) else map(str, value)
            elif key != "stamp":
                yield from sentences(value)


def checked(answer: TestResponse, literals: set[str]) -> None:
    found = list(sentences(answer.get_json()))
    assert found
    assert [part for text in found for part in forgotten(text, literals)] == []


@pytest.mark.parametrize(("kind", "body"), QUESTIONS)
def test_every_text_of_a_match_can_be_translated(
    client: FlaskClient, literals: set[str], kind: str, body: object
) -> None:
    checked(client.post(f"/api/match/{kind}", json=body), literals)


@pytest.mark.parametrize("turtle", REFUSED)
def test_every_problem_of_an_entry_can_be_translated(
    client: FlaskClient, literals: set[str], turtle: str
) -> None:
    checked(client.post("/api/validate", data=turtle, content_type="text/turtle"), literals)


@pytest.mark.parametrize("body", JSON_LD)
def test_every_problem_of_json_ld_can_be_translated(
    client: FlaskClient, literals: set[str], body: object
) -> None:
    checked(client.post("/api/validate", json=body), literals)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/nothing"), ("GET", "/api/entries/practice/none"), ("DELETE", "/api/stats"),
        ("GET", "/api/entries?limit=0"), ("GET", "/api/entries?colour=red"),
        ("GET", "/api/entries?type=x"), ("GET", "/api/entries?theme=x"), ("POST", "/api/entries"),
        ("DELETE", "/api/entries/territory/HR035"), ("GET", "/graph-store"),
        ("POST", "/api/match/similar"), ("PUT", PUT), ("GET", "/api/entries?country=XX"),
    ],
)  # fmt: skip
def test_every_refusal_can_be_translated(
    client: FlaskClient, literals: set[str], auth: dict[str, str], method: str, path: str
) -> None:
    checked(client.open(path, method=method, headers=auth), literals)
    if method != "GET":
        checked(client.open(path, method=method), literals)


def test_languages_are_named_in_the_language_of_the_page(client: FlaskClient) -> None:
    page = client.get("/id/practice/dom-mladih-split", headers={"Accept-Language": "de"}).text
    assert '<span class="foreign">Englisch</span>' in page
    asked = client.get("/?q=Stariji ljudi sami", headers={"Accept-Language": "de"}).text
    assert "Kroatisch" in asked
    assert "hrvatski" in asked  # in the menu
