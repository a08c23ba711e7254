"""Which property of an entry goes where on its page, class by class."""

from __future__ import annotations

from dataclasses import dataclass

from kg.text.i18n import mark
from kg.vocabulary import DCT, GEO, ORG, PSR, RDF_TYPE, SCHEMA, SKOS

MONEY = frozenset(PSR + n for n in ("budget", "costPerHead", "minimumGrant", "maximumGrant"))
PER_CENT = frozenset(
    PSR + n for n in ("fundingRate", "unemploymentRate", "povertyRisk", "share65plus")
)
UNITS = {
    PSR + "costPerHead": mark("%(number)s a year"),
    PSR + "staff": mark("%(number)s full-time equivalents"),
    PSR + "durationMonths": mark("%(number)s months"),
    PSR + "populationDensity": mark("%(number)s people per km²"),
    PSR + "gdpPerHead": mark("%(number)s (EU = 100, in purchasing power)"),
}


@dataclass(frozen=True)
class Group:
    """A heading of the main column and the properties below it, in order."""

    title: str
    props: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """The page of a class: long texts, groups of the main column, facts beside them."""

    prose: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    facts: tuple[str, ...] = ()


def _psr(*names: str) -> tuple[str, ...]:
    return tuple(PSR + name for name in names)


_WHEN = (SCHEMA + "startDate", SCHEMA + "endDate")
_WHERE = (DCT + "spatial",)
_THEMES = (DCT + "subject",)

LAYOUTS = {
    "practice": Layout(
        prose=_psr("problem", "solution", "context"),
        groups=(
            Group(
                mark("What it takes"),
                (
                    *_psr("corePart", "adaptablePart", "requiresActorType", "requiresCompetence"),
                    *_psr("costPerHead", "budget", "staff", "durationMonths", "toolkit"),
                    DCT + "language",
                ),
            ),
            Group(mark("What came of it"), _psr("hasOutcome", "hasEvidence", "lesson")),
            Group(mark("Who did it"), _psr("hasInvolvement")),
            Group(mark("Instruments it uses"), _psr("usesInstrument")),
            Group(mark("Where it came from"), _psr("adaptedFrom")),
        ),
        facts=(
            *_WHERE,
            *_WHEN,
            *_psr("addresses"),
            *_THEMES,
            *_psr("targetGroup", "approach", "stage", "evidenceLevel", "participation"),
        ),
    ),
    "challenge": Layout(
        facts=(SKOS + "broader", *_THEMES, *_psr("targetGroup", "pillarPrinciple", "goal")),
    ),
    "actor": Layout(
        groups=(Group(mark("What it offers and seeks"), _psr("offers", "seeks")),),
        facts=(
            *_psr("actorType"),
            *_WHERE,
            *_THEMES,
            ORG + "memberOf",
            DCT + "language",
            *_psr("willingToMentor"),
        ),
    ),
    "instrument": Layout(
        groups=(
            Group(
                mark("Who can use it"),
                _psr("eligibleActorType", "eligibleTerritory", "minimumPartners")
                + _psr("minimumCountries"),
            ),
            Group(mark("Money"), _psr("fundingRate", "minimumGrant", "maximumGrant")),
        ),
        facts=(
            *_psr("instrumentType"),
            DCT + "isPartOf",
            *_WHEN,
            *_THEMES,
            *_psr("specificObjective", "supportsStage", "approach"),
        ),
    ),
    "transfer": Layout(
        groups=(Group(mark("What was changed"), _psr("changed")),),
        facts=(
            *_psr("sourcePractice", "adopter", "targetTerritory", "result", "phase"),
            *_WHEN,
            *_psr("within", "usesInstrument"),
        ),
    ),
    "plan": Layout(
        groups=(
            Group(mark("Objectives"), _psr("objective")),
            Group(mark("Actions"), _psr("hasAction")),
            Group(mark("Activities"), _psr("hasActivity")),
        ),
        facts=(*_psr("owner"), *_WHERE, *_WHEN, *_THEMES),
    ),
    "community": Layout(
        groups=(Group(mark("Members"), (ORG + "hasMember",)),),
        facts=(
            *_psr("communityType", "host"),
            DCT + "isPartOf",
            *_WHERE,
            *_WHEN,
            *_psr("addresses"),
            *_THEMES,
        ),
    ),
    "call": Layout(
        groups=(
            Group(
                mark("Who can take part"),
                _psr("eligibleActorType", "eligibleTerritory", "minimumPartners")
                + _psr("minimumCountries"),
            ),
        ),
        facts=(*_psr("opensOn", "closesOn", "organiser", "usesInstrument"), *_THEMES, *_WHERE),
    ),
    "territory": Layout(
        groups=(
            Group(
                mark("Figures"),
                _psr("population", "populationDensity", "gdpPerHead", "unemploymentRate")
                + _psr("povertyRisk", "share65plus"),
            ),
            Group(
                mark("Public powers"),
                _psr("municipalCompetence", "regionalCompetence", "nationalCompetence"),
            ),
        ),
        facts=(
            *_psr("territoryLevel"),
            DCT + "isPartOf",
            *_psr("urbanRural", "mountain", "coast", "countryCode"),
            SKOS + "notation",
            SKOS + "exactMatch",
            GEO + "lat",
            GEO + "long",
        ),
    ),
}
#: shown in places of their own, on the page of every class
ELSEWHERE = frozenset(
    {
        RDF_TYPE.value,
        DCT + "title",
        DCT + "alternative",
        DCT + "description",
        DCT + "source",
        DCT + "license",
        DCT + "identifier",
        SCHEMA + "creditText",
        SCHEMA + "url",
        *_psr("checkedOn", "contactPage", "contactCheckedOn", "estimatedFigure"),
    }
)
#: what a list of links from other entries is called: (class that links, property)
INVERSE = {
    ("practice", PSR + "addresses"): mark("Practices that address it"),
    ("practice", PSR + "actor"): mark("Practices it takes part in"),
    ("practice", PSR + "adaptedFrom"): mark("Practices adapted from it"),
    ("practice", PSR + "usesInstrument"): mark("Practices that use it"),
    ("practice", DCT + "spatial"): mark("Practices here"),
    ("challenge", SKOS + "broader"): mark("Narrower challenges"),
    ("actor", ORG + "memberOf"): mark("Members"),
    ("actor", DCT + "spatial"): mark("Organisations here"),
    ("instrument", DCT + "isPartOf"): mark("Instruments within it"),
    ("instrument", PSR + "eligibleTerritory"): mark("Instruments that cover it"),
    ("transfer", PSR + "sourcePractice"): mark("Transfers to other places"),
    ("transfer", PSR + "adopter"): mark("Transfers it carried out"),
    ("transfer", PSR + "targetTerritory"): mark("Transfers to here"),
    ("transfer", PSR + "within"): mark("Transfers within it"),
    ("transfer", PSR + "usesInstrument"): mark("Transfers that use it"),
    ("plan", PSR + "addresses"): mark("Action plans that address it"),
    ("plan", PSR + "basedOn"): mark("Action plans that build on it"),
    ("plan", PSR + "owner"): mark("Its action plans"),
    ("plan", PSR + "actor"): mark("Action plans it takes part in"),
    ("plan", PSR + "usesInstrument"): mark("Action plans that use it"),
    ("plan", DCT + "spatial"): mark("Action plans here"),
    ("community", ORG + "hasMember"): mark("Communities it is a member of"),
    ("community", PSR + "host"): mark("Communities it hosts"),
    ("community", PSR + "addresses"): mark("Communities that work on it"),
    ("community", DCT + "isPartOf"): mark("Communities within it"),
    ("community", DCT + "spatial"): mark("Communities here"),
    ("call", PSR + "organiser"): mark("Calls it organises"),
    ("call", PSR + "usesInstrument"): mark("Calls that use it"),
    ("call", PSR + "eligibleTerritory"): mark("Calls open to it"),
    ("territory", DCT + "isPartOf"): mark("Places within it"),
}
