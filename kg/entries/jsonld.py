"""Make a stranger's JSON-LD safe to parse: nothing is fetched, every key and value known.

A JSON-LD processor drops what it does not understand, such as an address with a space or a
language that is none, without a word; here each of these is told instead. Read are objects in
our own context, what other tools write (expanded, or a flat list of nodes), and contexts that
stand in the document and declare prefixes and terms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any, TypeGuard

import pyoxigraph as ox

from kg.errors import Malformed, Problem, Refused
from kg.text.i18n import gettext, mark
from kg.text.language import proper_tag
from kg.text.number_formats import plain
from kg.vocabulary import XSD, context

MAX_DEPTH = 32
MAX_ADDRESS = 2_000
#: what relative addresses are resolved against; no http address, so that none can pass
NOWHERE = "relative://invalid/"
_ALIASED = {"@id", "@type", "@value", "@language"}
_KEYWORDS = {*_ALIASED, "@included", "@list", "@set"}
_NUMBER_TYPES = {"xsd:integer", "xsd:decimal", XSD + "integer", XSD + "decimal"}
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
#: what a definition of a term may say
_OPTIONS: Mapping[str, Callable[[Any], bool]] = {
    "@id": lambda value: isinstance(value, str),
    "@type": lambda value: isinstance(value, str) and value not in {"@json", "@none"},
    "@container": lambda value: value in ("@language", "@set", ["@language", "@set"]),
}


def prepare(text: str) -> str:
    """The document with our own context in place of any reference to it.

    Raises Malformed (no JSON, too deep, a key twice) or Refused (a context that would have
    to be fetched, a key or value that cannot stand).
    """
    brackets = (match[0] for match in _BRACKET.finditer(text))
    levels = accumulate((b in ("[", "{")) - (b in ("]", "}")) for b in brackets)
    if max(levels, default=0) > MAX_DEPTH:
        raise Malformed(gettext("The JSON may be nested %(most)s deep at most.", most=MAX_DEPTH))
    document = load(text)
    own: list[dict[str, Any]] = []
    if isinstance(document, dict):
        own = contexts(document.pop("@context", None))
        if document.keys() == {"@graph"}:
            document = document["@graph"]
    nodes = document if isinstance(document, list) else [document]
    if not nodes or not all(isinstance(node, dict) for node in nodes):
        raise Malformed(gettext("Send one JSON object with one entry."))
    cleaner = _Cleaner({name: term for terms in [context(), *own] for name, term in terms.items()})
    bodies = [cleaner.node(node) for node in nodes]
    if cleaner.problems:
        raise Refused(gettext("Some parts of the entry cannot be read."), cleaner.problems)
    body = bodies[0] if isinstance(document, dict) else {"@graph": bodies}
    used = [context(), *own] if own else context()
    return json.dumps({"@context": used} | body, ensure_ascii=False)


def contexts(reference: object) -> list[dict[str, Any]]:
    """The contexts that stand in the document; ours by its address adds none.

    Raises Refused for one that would have to be fetched, or says more than prefixes and terms.
    """
    problems: list[Problem] = []
    own = []
    for one in reference if isinstance(reference, list) else [reference]:
        if isinstance(one, dict):
            known = {**context(), **one}
            message = gettext("A context here may only declare prefixes and terms.")
            hint = gettext('Write "name": "https://...", or use the keys of /context.jsonld.')
            problems += [
                _problem(f"@context.{name}", message, json.dumps(definition), hint)
                for name, definition in one.items()
                if not _declares(name, definition, known)
            ]
            own.append(one)
        elif one is not None and str(one).rsplit("/", 1)[-1] != "context.jsonld":
            message = gettext("Only our own context is used; others are never fetched.")
            hint = gettext('Leave "@context" out or write "/context.jsonld" of this service.')
            problems.append(_problem("@context", message, one, hint))
    if problems:
        raise Refused(problems[0].message, problems)
    return own


def _declares(name: str, definition: object, known: Mapping[str, Any]) -> bool:
    """Say whether a line of a context declares a prefix, a term or an alias and nothing else."""
    if name == "@version":
        return True
    parts: dict[str, Any] = definition if isinstance(definition, dict) else {"@id": definition}
    options = all(n in _OPTIONS and _OPTIONS[n](part) for n, part in parts.items())
    if not name or name.startswith("@") or _text_fault(name) or not options:
        return False
    address: str = parts.get("@id", name)
    # Not by way of a third: addresses that are made of addresses of addresses grow.
    prefix = known.get(address.partition(":")[0])
    return address in _ALIASED or _is_address(address) or (_is_prefix(prefix) and ":" in address)


def _is_prefix(definition: object) -> TypeGuard[str]:
    """Say whether ``prefix:name`` may be written with a term."""
    return _is_address(definition) and definition.endswith(tuple(":/?#[]@"))


def _is_address(value: object) -> TypeGuard[str]:
    return (
        isinstance(value, str)
        and value.startswith(("http://", "https://"))
        and len(value) <= MAX_ADDRESS
        and _address_fault(value) is None
    )


def load(text: str) -> Any:  # noqa: ANN401
    """Read JSON strictly: no NaN, no key twice, no number of thousands of digits."""

    def no_constant(name: str) -> None:
        raise ValueError(gettext("%(text)s is not a number", text=name))

    def integer(digits: str) -> int:
        if len(digits) > 400:
            raise ValueError(gettext("a number has %(count)s digits", count=len(digits)))
        return int(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            raise ValueError(gettext("an object has the same key twice"))
        return members

    try:
        return json.loads(
            text, parse_constant=no_constant, parse_int=integer, object_pairs_hook=unique
        )
    except RecursionError as error:
        raise Malformed(gettext("The JSON is nested too deep.")) from error
    except ValueError as error:
        raise Malformed(gettext("This is not JSON: %(error)s", error=error)) from error


class _Cleaner:
    """Cleans nodes for the parser, and notes the problems in them.

    The ``terms`` are ours and those that the document's own context declares.
    """

    def __init__(self, terms: Mapping[str, Any]) -> None:
        self._terms = terms
        self.problems: list[Problem] = []

    def _definition(self, key: str) -> Any:  # noqa: ANN401
        """The definition of a property, alias, keyword or class; None of an unknown key.

        A property that is written as an address, in full or with a prefix, has no rules.
        """
        if key in _KEYWORDS:
            return key
        term = self._terms.get(key)
        if term is not None:
            return None if key.startswith("@") or _is_prefix(term) else term
        prefix, _, local = key.partition(":")
        known = _is_prefix(self._terms.get(prefix)) and local and not local.startswith("//")
        return {} if known or _is_address(key) else None

    def node(self, node: dict[str, Any], path: str = "", within: Any = None) -> dict[str, Any]:  # noqa: ANN401
        """Clean a node: numbers become text; ``within`` is the definition of its property."""
        cleaned = {key: self._value(key, value, path, within) for key, value in node.items()}
        value = cleaned.get("@value")
        if _is_number(value) and not cleaned.keys().isdisjoint({"@type", "type"}):
            cleaned["@value"] = plain(Decimal(repr(value)))
        if len(cleaned) > 1 and (key := next(iter(cleaned.keys() & {"@list", "@set"}), None)):
            self._unknown(f"{path}.{key}".lstrip("."), key)
        return cleaned

    def _value(self, key: str, value: Any, path: str, within: Any) -> Any:  # noqa: ANN401
        where = f"{path}.{key}".lstrip(".")
        definition = within if key in {"@list", "@set"} else self._definition(key)
        if definition is None:
            return self._unknown(where, key)
        if "@language" in _option(definition, "@container") and isinstance(value, dict):
            for tag, texts in value.items():
                if tag != "@none" and (problem := tag_problem(where, tag)):
                    self.problems.append(problem)
                for text in texts if isinstance(texts, list) else [texts]:
                    known = isinstance(text, str)
                    fault = _text_fault(text) if known else gettext("A text was expected.")
                    if fault:
                        self.problems.append(_problem(f"{where}.{tag}", fault, text))
            return value
        many = value if isinstance(value, list) else [value]
        cleaned = [self._one(item, definition, where) for item in many]
        return cleaned if isinstance(value, list) else cleaned[0]

    def _one(self, item: Any, definition: Any, where: str) -> Any:  # noqa: ANN401
        if isinstance(item, dict):
            return self.node(item, where, definition)
        is_text = "@language" in _option(definition, "@container")
        if isinstance(item, list) or (is_text and not isinstance(item, str)):
            text, nested = "A text was expected.", mark("A list in a list is not read here.")
            self.problems.append(_problem(where, gettext(text if is_text else nested), item))
        elif definition == "@included":
            self._unknown(where, str(item))
        elif isinstance(item, str) and definition == "@language":
            self.problems += [p for p in [tag_problem(where, item)] if p]
        elif isinstance(item, str):
            kind = definition if isinstance(definition, str) else _option(definition, "@type")
            is_address = kind in ("@id", "@type", ["@id"], ["@type"])
            if fault := _address_fault(item) if is_address else _text_fault(item):
                self.problems.append(_problem(where, fault, item))
        elif _is_number(item):
            # In plain digits: JSON-LD would write 3.5 as 3.5E0.
            if not _NUMBER_TYPES.isdisjoint(_option(definition, "@type")):
                return plain(Decimal(repr(item)))
            if definition == {}:  # A property written as an address says nothing of its values.
                kind = XSD + ("integer" if isinstance(item, int) else "decimal")
                return {"@value": plain(Decimal(repr(item))), "@type": kind}
            return item if definition == "@value" else str(item)
        return item

    def _unknown(self, where: str, key: str) -> None:
        message = gettext("The key %(key)s is not known.", key=repr(key[:200]))
        hint = gettext("Use a key of /context.jsonld.")
        self.problems.append(_problem(where, message, key, hint))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _option(definition: object, name: str) -> list[str]:
    value = definition.get(name, []) if isinstance(definition, dict) else []
    return value if isinstance(value, list) else [value]


def _problem(where: str, message: str, value: object = None, hint: str | None = None) -> Problem:
    """A problem whose texts can be written as UTF-8, whatever was sent."""
    path, shown = (
        str(text).encode("utf-8", "backslashreplace").decode()[:200] for text in (where, value)
    )
    return Problem(path, message, value=None if value is None else shown, hint=hint)


def _text_fault(text: str) -> str | None:
    half = any(0xD800 <= ord(c) <= 0xDFFF for c in text)
    return gettext("The text holds half a character (a lone surrogate).") if half else None


def tag_problem(where: str, tag: str) -> Problem | None:
    """Say what is wrong with the language of a text: data is searched and counted by it."""
    proper = proper_tag(tag)
    if proper is None:
        message = gettext("This is not the tag of a language.")
        hint = gettext('Write the code of its language, such as "en", "pt-BR" or "sr-Latn".')
        return _problem(where, message, tag, hint)
    if proper != tag:
        message = gettext("This language has a shorter code.")
        return _problem(where, message, tag, gettext("Write %(tag)s.", tag=proper))
    return None


def _address_fault(text: str) -> str | None:
    if text.startswith("_:"):
        return _text_fault(text)
    try:
        ox.NamedNode(text if _SCHEME.match(text) else NOWHERE + text)
    except ValueError:
        return gettext("This is not an address.")
    return gettext("This is not an address.") if text.startswith("@") else None
