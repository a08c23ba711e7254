"""Made-up practices in eight languages and a made-up model, for what grows with the graph.

Both are seeded: the same number gives the same practices. Each practice is put together from the
starter graph: what it addresses, whom it serves and where it is, the sentences of its practices
and the names of its concepts in the language. So words are as frequent as they really are, and the
entries pass the shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyoxigraph as ox

from kg import starter
from kg.entry import Entry, make
from kg.vocabulary import DCT, PSR, RDF_TYPE, VOC, vocabulary
from matcher.encoding import e5

LANGUAGES = ("en", "hr", "lv", "pl", "de", "fr", "es", "it")
#: numbers of a vector of the made-up model
SIZE = 384
#: what a group needs and what it is offered, in each language
_SENTENCES = {
    "en": ("{group} need help here: {themes}.", "We offer {approach} for {group}: {themes}."),
    "hr": ("{group} ovdje trebaju pomoć: {themes}.", "Nudimo: {approach}, za: {group}, {themes}."),
    "lv": ("{group} šeit gaida palīdzību: {themes}.", "Piedāvājam {approach}: {group}, {themes}."),
    "pl": ("{group} czekają tu na pomoc: {themes}.", "Oferujemy: {approach}, {group}, {themes}."),
    "de": (
        "{group} brauchen hier Hilfe: {themes}.",
        "Wir bieten {approach} für {group}: {themes}.",
    ),
    "fr": ("{group} ont besoin d'aide : {themes}.", "Nous offrons {approach} : {group}, {themes}."),
    "es": ("{group} necesitan ayuda: {themes}.", "Ofrecemos {approach} para {group}: {themes}."),
    "it": (
        "{group} hanno bisogno di aiuto: {themes}.",
        "Offriamo {approach} per {group}: {themes}.",
    ),
}
_LINKS = {"theme": "subject", "target-group": "targetGroup", "approach": "approach"}


@dataclass(frozen=True)
class Draft:
    """A practice that is put together."""

    node: ox.NamedNode
    lang: str
    random: np.random.Generator
    triples: list[ox.Triple]

    def link(self, prop: str, *iris: str, of: ox.NamedNode | None = None) -> None:
        """State links of the practice, or of a node in it."""
        subject, name = of or self.node, ox.NamedNode(prop)
        self.triples.extend(ox.Triple(subject, name, ox.NamedNode(iri)) for iri in iris)

    def say(self, prop: str, value: str) -> None:
        """State a text in the practice's language."""
        literal = ox.Literal(value, language=self.lang)
        self.triples.append(ox.Triple(self.node, ox.NamedNode(prop), literal))

    def some(self, of: Sequence[str], most: int) -> list[str]:
        """At most so many of some values, and at least one."""
        count = min(int(self.random.integers(1, most + 1)), len(of))
        return [of[int(n)] for n in sorted(self.random.choice(len(of), count, replace=False))]


@dataclass(frozen=True)
class Source:
    """What practices are put together from."""

    base: str

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """The starter graph by class."""
        by_class: dict[str, list[Entry]] = {}
        for entry in starter.entries(self.base):
            by_class.setdefault(entry.path, []).append(entry)
        return by_class

    @cached_property
    def regions(self) -> list[str]:
        """The territories that have none inside them."""
        larger = {p for t in self.entries["territory"] for p in t.links(DCT + "isPartOf")}
        return [t.iri for t in self.entries["territory"] if t.iri not in larger]

    @cached_property
    def sentences(self) -> dict[str, list[str]]:
        """What the starter practices say of problem, solution and context in English."""
        return {
            prop: [
                sentence
                for practice in self.entries["practice"]
                for text in practice.texts(PSR + prop)
                if text.lang == "en"
                for sentence in re.split(r"(?<=[.!?])\s+", text.value)
            ]
            for prop in ("problem", "solution", "context")
        }

    def practice(self, number: int) -> Entry:
        """The practice of a number."""
        random = np.random.default_rng([20, number])
        words, lang = vocabulary(), LANGUAGES[number % len(LANGUAGES)]
        node = ox.NamedNode(f"{self.base}id/practice/generated-{number}")
        like = self.entries["practice"][int(random.integers(len(self.entries["practice"])))]
        draft = Draft(node, lang, random, [])
        draft.link(RDF_TYPE.value, PSR + "Practice")
        named: dict[str, str] = {}
        for scheme, short in _LINKS.items():
            prop = (DCT if short == "subject" else PSR) + short
            own = draft.some(like.links(prop) or words.concepts(scheme), 2)
            if random.random() < 0.5:
                own = sorted({*own, *draft.some(words.concepts(scheme), 1)})
            draft.link(prop, *own)
            named[scheme] = ", ".join(words.label(iri, lang) for iri in own)
        challenges = [
            e for e in self.entries["challenge"] if e.iri in like.links(PSR + "addresses")
        ]
        challenge = (challenges or self.entries["challenge"])[0]
        draft.link(PSR + "addresses", challenge.iri)
        draft.link(DCT + "spatial", draft.some(self.regions, 1)[0])
        draft.link(PSR + "stage", draft.some(words.concepts("stage"), 1)[0])
        draft.link(PSR + "evidenceLevel", draft.some(words.concepts("evidence-level"), 1)[0])
        kinds = like.links(PSR + "requiresActorType") or [VOC + "actor-type/municipality"]
        draft.link(PSR + "requiresActorType", *draft.some(kinds, 2))
        leads = ox.NamedNode(f"{node.value}#involvement-1")
        draft.link(PSR + "hasInvolvement", leads.value)
        actor = self.entries["actor"][int(random.integers(len(self.entries["actor"])))]
        draft.link(RDF_TYPE.value, PSR + "Involvement", of=leads)
        draft.link(PSR + "actor", actor.iri, of=leads)
        draft.link(PSR + "role", VOC + "role/lead", of=leads)
        about = challenge.text(DCT + "title", lang) or challenge.slug
        problem, solution = (
            sentence.format(group=named["target-group"], approach=named["approach"], themes=themes)
            for sentence, themes in zip(
                _SENTENCES[lang], (f"{named['theme']}, {about}", named["theme"]), strict=True
            )
        )
        bodies: dict[str, list[str]] = {"problem": [problem], "solution": [solution], "context": []}
        for prop, body in bodies.items():
            known = self.sentences[prop]
            if lang != "en":  # a little English in all of them would tie languages together
                known = [f"{words.label(iri, lang)}." for iri in words.concepts("theme")]
            body += [
                known[int(n)] for n in random.integers(len(known), size=3 if lang == "en" else 4)
            ]
            draft.say(PSR + prop, " ".join(body))
        draft.say(DCT + "title", f"{named['approach']}: {named['theme']} ({number})"[:200])
        return make(node.value, draft.triples)


def practices(base: str, count: int, first: int = 0) -> Iterator[Entry]:
    """Yield practices by their numbers."""
    source = Source(base)
    return (source.practice(number) for number in range(first, first + count))


def static_model(home: Path, folder: Path) -> Path:
    """Write a model of made-up vectors for the pieces of the default model, which is fast.

    Texts that share pieces are near each other, and that is all it knows.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(e5.ensure(home) / "tokenizer.json"))
    tokenizer.no_truncation()
    random = np.random.default_rng(20)
    weights = random.standard_normal((tokenizer.get_vocab_size(), SIZE), dtype=np.float32)
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)]).save(
        str(folder)
    )
    return folder
