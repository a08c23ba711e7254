"""Carry out a mapping: a table of columns, properties and transforms kept in a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import pyoxigraph as ox

from kg.catalogue.places import Places
from kg.entries.reading import entry_of
from kg.entry import SLUG, Entry
from kg.errors import Problem, Refused
from kg.imports.sources import ImportedRow, Record
from kg.imports.sources.transforms import TRANSFORMS, Cell, Term, expand
from kg.text.language import UNKNOWN, detect_surely
from kg.vocabulary import CLASSES, RDF_TYPE


@dataclass(frozen=True)
class Mapping:
    """A mapping file; each file explains its keys."""

    reader: str
    slug: str
    identifier: list[str]
    rules: list[dict[str, Any]]
    constants: dict[str, str] = field(default_factory=dict)
    tables: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    languages: dict[str, str] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    merge: str = ""
    distinct: str = ""

    @property
    def expected(self) -> list[str]:
        """The columns that the list is published with."""
        used = [column for rule in self.rules for column in rule["columns"]]
        return list(dict.fromkeys([*self.identifier, *used, *self.unused]))

    def key(self, record: Record) -> str | None:
        """The identifier of a row: its own, or 12 digits made from several columns."""
        cells = [record.values.get(column, "").strip() for column in self.identifier]
        if not all(cells):
            return None
        made = hashlib.sha256("\x1f".join(cells).encode("utf-8", "replace")).hexdigest()[:12]
        return cells[0] if len(cells) == 1 else made

    def content(self, record: Record) -> bytes:
        """A digest of what a row says, but for the cells that are merged or not used."""
        apart = {self.merge, *self.unused}
        cells = sorted((k, v) for k, v in record.values.items() if k not in apart)
        return hashlib.sha256(repr(cells).encode("utf-8", "replace")).digest()[:12]


def load(name: str) -> Mapping:
    """The mapping of a list."""
    text = (files("kg.imports.sources") / f"{name}.toml").read_text("utf-8")
    return Mapping(**tomllib.loads(text))


@dataclass
class _Group:
    """The rows of one identifier: the first, what it says, and the cells to be merged."""

    number: int
    content: bytes
    merged: list[str] = field(default_factory=list)


def rows(
    mapping: Mapping,
    records: Callable[[], Iterator[Record]],
    base: str,
    territories: Collection[str],
    places: Places | None = None,
) -> Iterator[ImportedRow]:
    """Yield the rows of a file; ``records`` opens it twice, first to see what belongs together.

    Of the first pass only digests are kept.
    """
    groups: dict[str | None, _Group] = {}
    for record in records():
        content = mapping.content(record)
        group = groups.setdefault(mapping.key(record), _Group(record.number, content))
        if mapping.merge and group.content == content:
            group.merged.append(record.values.get(mapping.merge, ""))
    run = _Run(mapping, groups, base, territories, places)
    for record in records():
        key = mapping.key(record)
        entry, problems = run.take(record, key)
        refused = any(p.severity == "violation" for p in problems)
        yield ImportedRow(record.number, key, None if refused else entry, tuple(problems))


@dataclass
class _Run:
    mapping: Mapping
    groups: dict[str | None, _Group]
    base: str
    territories: Collection[str]
    places: Places | None
    texts: dict[int, int] = field(default_factory=dict)

    def take(self, record: Record, key: str | None) -> tuple[Entry | None, list[Problem]]:
        """The entry that a row makes, if any, and what is wrong with it."""
        if record.fault:
            return None, [Problem("row", record.fault)]
        if key is None or not SLUG.fullmatch(f"{self.mapping.slug}-{key}"):
            return None, [
                Problem(self.mapping.identifier[0], "There is no usable identifier.", key)
            ]
        group = self.groups[key]
        first, merge = group.number, self.mapping.merge
        if first != record.number and self.mapping.content(record) != group.content:
            message = f"Row {first} has the same identifier."
            hint = "Keep one of the rows, or make them say the same."
            return None, [Problem(self.mapping.identifier[0], message, hint=hint)]
        if first != record.number:
            what = f"; its {merge} is added there" if merge else ""
            message = f"This row says the same as row {first}{what}."
            return None, [Problem("row", message, severity="warning")]
        facts, problems = self._convert(
            record.values | ({merge: ";".join(group.merged)} if merge else {})
        )
        problems += self._doubts(facts, record.number)
        node = ox.NamedNode(f"{self.base}id/practice/{self.mapping.slug}-{key}")
        triples = [ox.Triple(node, RDF_TYPE, ox.NamedNode(CLASSES["practice"]))]
        for name, value in self.mapping.constants.items():
            facts[name].append(ox.NamedNode(value) if value[:4] == "http" else ox.Literal(value))
        for name, terms in facts.items():
            triples += [ox.Triple(node, ox.NamedNode(expand(name)), term) for term in terms]
        try:
            return entry_of(triples, self.base), problems
        except Refused as error:
            return None, [*problems, *error.problems]

    def _convert(self, values: dict[str, str]) -> tuple[dict[str, list[Term]], list[Problem]]:
        facts: dict[str, list[Term]] = defaultdict(list)
        problems: list[Problem] = []
        # The language of the row is the one that its first text has, or is said to have.
        columns = self.mapping.languages.items()
        texts = ((code, values.get(column, "").strip()) for column, code in columns)
        language = next((code or detect_surely(text) for code, text in texts if text), UNKNOWN)
        for rule in self.mapping.rules:
            terms: list[Term] = []
            faults: list[Problem] = []
            table = self.mapping.tables.get(rule.get("table", ""), {})
            for column in rule["columns"]:
                value = values.get(column, "").strip()
                if not value or (terms and rule.get("first")):
                    continue
                own = rule.get("language", self.mapping.languages.get(column) or language)
                cell = Cell(
                    column, value, own, rule, table, self.base, self.territories, self.places
                )
                try:
                    terms += TRANSFORMS[rule["transform"]](cell)
                except Refused as error:
                    severity = rule.get("faults", "violation")
                    faults += [replace(p, severity=severity) for p in error.problems]
                except UnicodeEncodeError:
                    faults.append(Problem(column, "The text holds half a character (a surrogate)."))
            if not terms and "fallback" in rule:
                terms = [ox.NamedNode(self.base + rule["fallback"])]
            if not terms and not faults and "required" in rule:
                faults = [Problem(rule["columns"][0], rule["required"])]
            facts[rule["property"]] += terms
            problems += faults
        return facts, problems

    def _doubts(self, facts: dict[str, list[Term]], number: int) -> Iterator[Problem]:
        """Yield contradictions between the values of a row, or with an earlier row."""
        ends = [facts[name][0].value for name in self.mapping.order if facts.get(name)]
        if len(ends) > 1 and ends[0] > ends[1]:
            hint = f"The start is {ends[0]}; check which of the two is right."
            yield Problem(self.mapping.order[1], "The end is before the start.", ends[1], hint)
        terms = facts.get(self.mapping.distinct)
        first = self.texts.setdefault(hash(tuple(terms)), number) if terms else number
        if first != number:
            message = "Another row of the file has the same text."
            hint = f"See row {first}; one of the two may be out of date."
            yield Problem(self.mapping.distinct, message, str(first), hint, severity="warning")
