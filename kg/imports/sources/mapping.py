"""Carry out a mapping: a table of columns, properties and transforms kept in a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import pyoxigraph as ox

from kg.entries.reading import entry_of
from kg.entry import SLUG, Entry
from kg.errors import Problem, Refused
from kg.imports.sources import Record, Row
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
) -> Iterator[Row]:
    """The rows of a file, which ``records`` opens anew each time it is called."""
    groups = _survey(mapping, records())
    return _Run(mapping, groups, base, territories).rows(records())


def _survey(mapping: Mapping, records: Iterable[Record]) -> dict[str | None, _Group]:
    """Read the whole file and note what belongs together; only digests are kept."""
    groups: dict[str | None, _Group] = {}
    for record in records:
        content = _content(mapping, record)
        group = groups.setdefault(mapping.key(record), _Group(record.number, content))
        if mapping.merge and group.content == content:
            group.merged.append(record.values.get(mapping.merge, ""))
    return groups


def _content(mapping: Mapping, record: Record) -> bytes:
    apart = {mapping.merge, *mapping.unused}
    cells = sorted((k, v) for k, v in record.values.items() if k not in apart)
    return hashlib.sha256(repr(cells).encode("utf-8", "replace")).digest()[:12]


@dataclass
class _Run:
    mapping: Mapping
    groups: dict[str | None, _Group]
    base: str
    territories: Collection[str]
    texts: dict[int, int] = field(default_factory=dict)

    def rows(self, records: Iterable[Record]) -> Iterator[Row]:
        for record in records:
            key = self.mapping.key(record)
            entry, problems = self._take(record, key)
            refused = any(p.severity == "violation" for p in problems)
            yield Row(record.number, key, None if refused else entry, tuple(problems))

    def _take(self, record: Record, key: str | None) -> tuple[Entry | None, list[Problem]]:
        if record.fault:
            return None, [Problem("row", record.fault)]
        if key is None or not SLUG.fullmatch(f"{self.mapping.slug}-{key}"):
            return None, [
                Problem(self.mapping.identifier[0], "There is no usable identifier.", key)
            ]
        group = self.groups[key]
        if group.number != record.number:
            return None, [self._repeated(record, group)]
        values = dict(record.values)
        if self.mapping.merge:
            values[self.mapping.merge] = ";".join(group.merged)
        found, problems = self._convert(values)
        problems += self._disorder(found) + self._same_text(found, record.number)
        return self._entry(key, found, problems), problems

    def _repeated(self, record: Record, group: _Group) -> Problem:
        if _content(self.mapping, record) != group.content:
            return Problem(
                self.mapping.identifier[0], f"Row {group.number} has the same identifier.",
                hint="Keep one of the rows, or make them say the same.",
            )  # fmt: skip
        what = f"; its {self.mapping.merge} is added there" if self.mapping.merge else ""
        return Problem(
            "row", f"This row says the same as row {group.number}{what}.", severity="warning"
        )

    def _convert(self, values: dict[str, str]) -> tuple[dict[str, list[Term]], list[Problem]]:
        found: dict[str, list[Term]] = defaultdict(list)
        problems: list[Problem] = []
        language = self._language(values)
        for rule in self.mapping.rules:
            terms, faults = self._apply(rule, values, language)
            if not terms and not faults and "required" in rule:
                faults = [Problem(rule["columns"][0], rule["required"])]
            found[rule["property"]] += terms
            problems += faults
        return found, problems

    def _language(self, values: dict[str, str]) -> str:
        """The language of the row: the one its first text has or says it has."""
        for column, said in self.mapping.languages.items():
            if text := values.get(column, "").strip():
                return said or detect_surely(text)
        return UNKNOWN

    def _apply(
        self, rule: dict[str, Any], values: dict[str, str], language: str
    ) -> tuple[list[Term], list[Problem]]:
        """The terms of the rule's cells, or why there are none."""
        terms: list[Term] = []
        faults: list[Problem] = []
        for column in rule["columns"]:
            value = values.get(column, "").strip()
            if not value or (terms and rule.get("first")):
                continue
            try:
                terms += TRANSFORMS[rule["transform"]](self._cell(rule, column, value, language))
            except Refused as error:
                severity = rule.get("faults", "violation")
                faults += [replace(p, severity=severity) for p in error.problems]
            except UnicodeEncodeError:
                faults.append(Problem(column, "The text holds half a character (a surrogate)."))
        if not terms and "fallback" in rule:
            terms = [ox.NamedNode(self.base + rule["fallback"])]
        return terms, faults

    def _cell(self, rule: dict[str, Any], column: str, value: str, language: str) -> Cell:
        said = rule.get("language", self.mapping.languages.get(column) or language)
        table = self.mapping.tables.get(rule.get("table", ""), {})
        return Cell(column, value, said, rule, table, self.base, self.territories)

    def _disorder(self, found: dict[str, list[Term]]) -> list[Problem]:
        ends = [found[name][0].value for name in self.mapping.order if found.get(name)]
        if len(ends) < 2 or ends[0] <= ends[1]:
            return []
        hint = f"The start is {ends[0]}; check which of the two is right."
        return [Problem(self.mapping.order[1], "The end is before the start.", ends[1], hint)]

    def _same_text(self, found: dict[str, list[Term]], number: int) -> list[Problem]:
        terms = found.get(self.mapping.distinct)
        first = self.texts.setdefault(hash(tuple(terms)), number) if terms else number
        if first == number:
            return []
        message = "Another row of the file has the same text."
        hint = f"See row {first}; one of the two may be out of date."
        return [Problem(self.mapping.distinct, message, str(first), hint, severity="warning")]

    def _entry(
        self, key: str, found: dict[str, list[Term]], problems: list[Problem]
    ) -> Entry | None:
        node = ox.NamedNode(f"{self.base}id/practice/{self.mapping.slug}-{key}")
        triples = [ox.Triple(node, RDF_TYPE, ox.NamedNode(CLASSES["practice"]))]
        for name, value in self.mapping.constants.items():
            found[name].append(ox.NamedNode(value) if value[:4] == "http" else ox.Literal(value))
        for name, terms in found.items():
            triples += [ox.Triple(node, ox.NamedNode(expand(name)), term) for term in terms]
        try:
            return entry_of(triples, self.base)
        except Refused as error:
            problems += error.problems
            return None
