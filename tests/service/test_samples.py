"""The worked sample queries: each answers over the starter graph, and says what it tells."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from service.sparql.samples import FOLDER, Sample, samples
from tests.service.conftest import BASE


def rows(client: FlaskClient, sample: Sample) -> list[dict[str, dict[str, str]]]:
    answer = client.post("/sparql", data={"query": sample.query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, dict[str, str]]] = answer.get_json()["results"]["bindings"]
    return found


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_a_sample_answers_its_question(client: FlaskClient, sample: Sample) -> None:
    assert rows(client, sample)
    assert sample.title.endswith("?")
    assert re.fullmatch(r"[A-Z].{30,100}\.", sample.meaning)


def test_every_file_is_a_sample() -> None:
    assert len(samples()) == len([f for f in FOLDER.iterdir() if f.name.endswith(".rq")]) >= 12


DOCS = Path(__file__).parents[2] / "docs" / "sparql.md"


def test_the_queries_of_the_docs_are_answered(client: FlaskClient) -> None:
    blocks = re.findall(r"```sparql\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        here = re.sub(r"SERVICE <[^>]*>", "", block)
        assert rows(client, Sample("docs", "", "", here)), block


def test_years_are_read_from_days_and_years(client: FlaskClient) -> None:
    found = rows(client, named("begun-since-2018"))
    kinds = {row["start"]["datatype"].rpartition("#")[2] for row in found}
    assert kinds == {"gYear", "date"}
    assert min(int(row["year"]["value"]) for row in found) == 2018
    assert len(found) > 150


def named(name: str) -> Sample:
    return next(sample for sample in samples() if sample.name.endswith(name))


def test_failed_transfers_are_those_that_failed(client: FlaskClient) -> None:
    found = rows(client, named("transfers-that-failed"))
    assert {row["result"]["value"] for row in found} == {"Not adopted", "Partly adopted"}
    assert len(found) >= 5


def test_similar_practices_abroad_are_abroad_and_shown(client: FlaskClient) -> None:
    found = rows(client, named("similar-practices-abroad"))
    assert "SI" not in {row["code"]["value"] for row in found}
    assert "Anecdote" not in {row["evidence"]["value"] for row in found}


def test_instruments_fit_the_place(client: FlaskClient) -> None:
    names = {row["instrument"]["value"] for row in rows(client, named("challenge-and-place"))}
    assert "European Regional Development Fund (ERDF)" in names
    for name in names:
        ask = (
            "PREFIX psr: <https://w3id.org/passerelle/ns#> PREFIX dct: <http://purl.org/dc/terms/>"
            f' ASK {{ ?i dct:title "{name}"@en OPTIONAL {{ ?i psr:eligibleTerritory ?t }}'
            f" FILTER(!BOUND(?t) || ?t = <{BASE}id/territory/HR>) }}"
        )
        assert client.post("/sparql", data={"query": ask}).get_json()["boolean"], name
