"""Make a stranger's JSON-LD safe to parse: our own context only, every key and value known.

A JSON-LD processor drops what it does not understand, such as an address with a space or a
language that is none, without a word; here each of these is told instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeGuard

import pyoxigraph as ox

from kg.errors import Malformed, Problem, Refused, refused
from kg.i18n import gettext
from kg.vocabulary import context

MAX_DEPTH = 32
#: what relative addresses are resolved against; no http address, so that none can pass
NOWHERE = "relative://invalid/"
_KEYWORDS = {"@id", "@type", "@value", "@language"}
_NUMBER_TYPES = {"xsd:integer", "xsd:decimal"}
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def prepare(text: str) -> str:
    """Return the document with our own context in place of any reference to it.

    Raises Malformed (no JSON, too deep, a key twice) or Refused (another context, a key or
    value that cannot stand).
    """
    if _depth(text) > MAX_DEPTH:
        raise Malformed(gettext("The JSON may be nested %(most)s deep at most.", most=MAX_DEPTH))
    document = _load(text)
    if not isinstance(document, dict):
        raise Malformed(gettext("Send one JSON object with one entry."))
    if not _ours(document.pop("@context", None)):
        raise refused(
            "@context",
            gettext("Only our own context is used; others are never fetched."),
            hint=gettext('Leave "@context" out or write "/context.jsonld" of this service.'),
        )
    problems: list[Problem] = []
    body = _clean(document, "", problems)
    if problems:
        raise Refused(gettext("Some parts of the entry cannot be read."), problems)
    return json.dumps({"@context": context()} | body, ensure_ascii=False)


def _depth(text: str) -> int:
    level = deepest = 0
    for match in _BRACKET.finditer(text):
        if match[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif match[0] in "]}":
            level -= 1
    return deepest


def _load(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(
            text, parse_constant=_no_constant, parse_int=_integer, object_pairs_hook=_unique
        )
    except ValueError as error:
        raise Malformed(gettext("This is not JSON: %(error)s", error=error)) from error


def _no_constant(name: str) -> None:
    raise ValueError(gettext("%(text)s is not a number", text=name))


def _integer(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError(gettext("a number has %(count)s digits", count=len(digits)))
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(gettext("an object has the same key twice"))
    return found


def _ours(reference: object) -> bool:
    return reference is None or (
        isinstance(reference, str) and reference.rsplit("/", 1)[-1] == "context.jsonld"
    )


def _clean(node: dict[str, Any], path: str, problems: list[Problem]) -> dict[str, Any]:
    """Return a JSON-LD node with numbers as text; note every key that is not ours."""
    cleaned = {key: _clean_value(key, value, path, problems) for key, value in node.items()}
    value = cleaned.get("@value")
    if _is_number(value) and not cleaned.keys().isdisjoint({"@type", "type"}):
        cleaned["@value"] = _plain(value)
    return cleaned


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _clean_value(key: str, value: Any, path: str, problems: list[Problem]) -> Any:  # noqa: ANN401
    """Return a value as the parser must see it; note what cannot stand."""
    where = f"{path}.{key}".lstrip(".")
    definition = key if key in _KEYWORDS else _definition(key)
    if definition is None:
        told = gettext("The key %(key)s is not known.", key=repr(key))
        problems.append(_problem(where, told, key, gettext("Use a key of /context.jsonld.")))
        return None
    if "@language" in _option(definition, "@container") and isinstance(value, dict):
        return _language_map(value, where, problems)
    many = value if isinstance(value, list) else [value]
    cleaned = [_clean_one(item, definition, where, problems) for item in many]
    return cleaned if isinstance(value, list) else cleaned[0]


def _definition(key: str) -> Any:  # noqa: ANN401
    """Return what our context says of a key that is a property, an alias or a class."""
    found = context().get(key)
    is_prefix = isinstance(found, str) and found.endswith(("#", "/"))
    return None if key.startswith("@") or is_prefix else found


def _option(definition: object, name: str) -> list[str]:
    found = definition.get(name, []) if isinstance(definition, dict) else []
    return found if isinstance(found, list) else [found]


def _problem(where: str, told: str, value: object = None, hint: str | None = None) -> Problem:
    """Return a problem whose texts can be written as UTF-8, whatever was sent."""
    path, shown = (
        str(text).encode("utf-8", "backslashreplace").decode()[:200] for text in (where, value)
    )
    return Problem(path, told, value=None if value is None else shown, hint=hint)


def _language_map(value: dict[str, Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    """Return texts by language as they are; note tags and texts that cannot stand."""
    for tag, texts in value.items():
        if tag != "@none" and (fault := _tag_fault(tag)):
            problems.append(_problem(where, fault, tag, gettext('Write texts as {"en": "..."}.')))
        for text in texts if isinstance(texts, list) else [texts]:
            fault = _text_fault(text) if isinstance(text, str) else gettext("A text was expected.")
            if fault:
                problems.append(_problem(f"{where}.{tag}", fault, text))
    return value


def _clean_one(item: Any, definition: Any, where: str, problems: list[Problem]) -> Any:  # noqa: ANN401
    if isinstance(item, dict):
        return _clean(item, where, problems)
    is_text = "@language" in _option(definition, "@container")
    if isinstance(item, list) or (is_text and not isinstance(item, str)):
        told = (
            gettext("A text was expected.")
            if is_text
            else gettext("A list in a list is not read here.")
        )
        problems.append(_problem(where, told, item))
    elif isinstance(item, str) and (fault := _fault_finder(definition)(item)):
        problems.append(_problem(where, fault, item))
    elif _is_number(item):
        return _number(item, definition)
    return item


def _number(item: float, definition: object) -> object:
    """Return a number in plain digits: JSON-LD would write 3.5 as ``3.5E0``."""
    if _NUMBER_TYPES.isdisjoint(_option(definition, "@type")):
        return item if definition == "@value" else str(item)
    return _plain(item)


def _plain(number: float) -> str:
    text = f"{Decimal(repr(number)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fault_finder(definition: object) -> Callable[[str], str | None]:
    kind = definition if isinstance(definition, str) else "".join(_option(definition, "@type"))
    if kind in {"@id", "@type"}:
        return _address_fault
    return _tag_fault if kind == "@language" else _text_fault


def _text_fault(text: str) -> str | None:
    half = any(0xD800 <= ord(c) <= 0xDFFF for c in text)
    return gettext("The text holds half a character (a lone surrogate).") if half else None


def _tag_fault(tag: str) -> str | None:
    try:
        ox.Literal("", language=tag)
    except ValueError:
        return gettext("This is not the tag of a language.")
    return None


def _address_fault(text: str) -> str | None:
    if text.startswith("_:"):
        return _text_fault(text)
    try:
        ox.NamedNode(text if _SCHEME.match(text) else NOWHERE + text)
    except ValueError:
        return gettext("This is not an address.")
    return gettext("This is not an address.") if text.startswith("@") else None
