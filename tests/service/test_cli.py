from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox
import pytest
from click.testing import CliRunner

from kg.errors import LimitExceeded
from kg.stores.embedded import EmbeddedStore
from kg.vocabulary import PSR
from matcher.encoding.reranker import Reranker
from matcher.kinds import KINDS
from service.cli.commands import QUESTIONS, _set_up_models, main
from service.core.metrics import Metrics
from service.core.query_log import QueryLog
from service.core.runtime import Matching, Runtime
from service.core.settings import Settings
from tests.conftest import settled
from tests.fake_embedder import HashingEmbedder
from tests.service.conftest import BASE, practice

FORMATS = {
    "nquads": ox.RdfFormat.N_QUADS,
    "turtle": ox.RdfFormat.TURTLE,
    "jsonld": ox.RdfFormat.JSON_LD,
}


@dataclass(frozen=True)
class Ended:
    """What a command left, without the frames that would keep its home open."""

    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command in a home of its own."""
    monkeypatch.setattr("service.core.runtime.make_embedder", lambda *_: HashingEmbedder())

    def call(*words: str, at: Path = home) -> Ended:
        found = CliRunner().invoke(main, [*words, "--home", str(at)])
        ended = Ended(found.exit_code, found.stdout, found.stderr)
        del found
        gc.collect()
        return ended

    return call


@pytest.fixture(scope="module")
def opened(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matching]:
    """A home that is open for all commands that only read."""
    home = settled(prepared, tmp_path_factory.mktemp("opened") / "home")
    with Matching(Settings(home=home), HashingEmbedder()) as matching:
        yield matching


@pytest.fixture
def ask(opened: Matching, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command that only reads, in the home that is open."""
    monkeypatch.setattr("service.cli.commands._matching", lambda *_: nullcontext(opened))
    monkeypatch.setattr("service.core.runtime.open_graph", lambda *_: opened.intake)

    def call(*words: str) -> Ended:
        result = CliRunner().invoke(main, [*words, "--home", str(opened.settings.home)])
        return Ended(result.exit_code, result.stdout, result.stderr)

    return call


def one_sentence(result: Ended) -> bool:
    return (
        result.exit_code == 2
        and result.stdout == ""
        and len(result.stderr.strip().splitlines()) == 1
    )


def test_help_does_not_import_what_is_heavy() -> None:
    code = (
        "import sys, service.cli.commands;"
        "heavy = {'flask', 'numpy', 'torch', 'pyoxigraph', 'rdflib', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_every_kind_of_question_is_a_choice() -> None:
    assert tuple(KINDS) == QUESTIONS


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(main, ["--help"]).stdout
    for name in "serve import export reindex validate match feedback token evaluate".split():
        assert name in text


def test_every_command_takes_home_and_json() -> None:
    commands = [
        *(c for c in main.commands.values() if not hasattr(c, "commands")),
        *main.commands["token"].commands.values(),  # type: ignore[attr-defined]
    ]
    assert len(commands) == 14
    for command in commands:
        assert {"--home", "--json"} <= {o for p in command.params for o in p.opts}


def test_validate_says_what_is_wrong(ask: Run, tmp_path: Path) -> None:
    file = tmp_path / "entry.ttl"
    file.write_bytes(practice("tried"))
    good = ask("validate", str(file), "--json")
    assert (good.exit_code, json.loads(good.stdout)["conforms"]) == (0, True)
    file.write_bytes(practice("tried", more="; psr:budget 1, 2"))
    bad = ask("validate", str(file), "--json")
    assert (bad.exit_code, json.loads(bad.stdout)["conforms"]) == (1, False)
    assert "budget" in ask("validate", str(file)).stdout
    file.write_text("<")
    assert one_sentence(ask("validate", str(file), "--json"))
    other = tmp_path / "entry.docx"
    other.write_bytes(b"")
    assert one_sentence(ask("validate", str(other)))


@pytest.mark.parametrize("form", ["nquads", "turtle", "jsonld"])
def test_export_writes_every_entry(ask: Run, tmp_path: Path, form: str) -> None:
    file = tmp_path / "out"
    result = ask("export", "--format", form, "--output", str(file), "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["format"], told["output"]) == (form, str(file))
    found = {quad.subject.value for quad in ox.parse(file.read_bytes(), format=FORMATS[form])}
    entries = [iri for iri in found if iri.startswith(BASE + "id/") and "#" not in iri]
    assert len(entries) == told["entries"] > 2_000


def test_export_to_standard_output(ask: Run) -> None:
    result = ask("export")
    assert result.exit_code == 0
    assert result.stdout.count("\n") > 10_000
    assert one_sentence(ask("export", "--json"))


def test_a_file_that_cannot_be_imported_is_one_sentence(ask: Run, tmp_path: Path) -> None:
    file = tmp_path / "susy.json"
    file.write_text('{"type": "FeatureCollection", "features": [')
    assert one_sentence(ask("import", "susy", str(file), "--json"))
    assert one_sentence(ask("import", "nothing", str(file)))


def test_import_reports(run: Run) -> None:
    sample = Path(__file__).parents[1] / "data" / "sources" / "susy.geojson"
    if sample.is_file():
        result = run("import", "susy", str(sample), "--json")
        report = json.loads(result.stdout)
        assert result.exit_code == (1 if report["refused"] else 0)
        assert report["accepted"] > 0


def test_match_answers_as_the_api(ask: Run) -> None:
    words = ["match", "transfer", "Old people live alone", "--territory", "HR035", "--limit", "2"]
    answer = json.loads(ask(*words, "--json").stdout)
    assert len(answer["matches"]) == 2
    text = ask(*words)
    assert text.exit_code == 0
    assert answer["matches"][0]["title"] in text.stdout
    entry = f"{BASE}id/practice/dom-mladih-split"
    similar = json.loads(ask("match", "similar", "--entry", entry, "--json").stdout)
    assert entry not in [m["entry"] for m in similar["matches"]]


def test_matches_are_spread_over_countries_where_asked(ask: Run) -> None:
    words = ("match", "similar", "Neighbours repair broken things together", "--json")
    plain, spread = (
        {m["country"] for m in json.loads(ask(*words, *more).stdout)["matches"]}
        for more in ((), ("--diversity", "country"))
    )
    assert len(spread) > len(plain)


@pytest.mark.parametrize(
    "words",
    [
        ["match", "similar"],
        ["match", "transfer", "x", "--territory", "ZZ999"],
        ["match", "partners", "x"],
        ["match", "similar", "x", "--limit", "0"],
        ["match", "similar", "x", "--diversity", "colour"],
        ["match", "partners", "x", "--territory", "HR", "--diversity", "country"],
        ["match", "nothing", "x"],
        ["nothing"],
        ["validate", "/no/such/file.ttl"],
        ["token", "create", "A B"],
        ["token", "revoke", "nobody"],
        ["evaluate", "other", "x"],
    ],
)
def test_bad_usage_is_one_sentence_and_exit_code_2(ask: Run, words: list[str]) -> None:
    assert one_sentence(ask(*words))


def test_reindex(run: Run) -> None:
    result = run("reindex", "--json")
    assert (result.exit_code, json.loads(result.stdout)["entries"] > 400) == (0, True)


def test_tokens(ask: Run) -> None:
    made = json.loads(ask("token", "create", "city", "--json").stdout)
    assert len(made["token"]) >= 43
    listed = ask("token", "list", "--json").stdout
    assert made["token"] not in listed
    assert [t["label"] for t in json.loads(listed)["tokens"]] == ["city"]
    assert json.loads(ask("token", "revoke", "city", "--json").stdout)["revoked"] == 1
    assert json.loads(ask("token", "list", "--json").stdout) == {"tokens": []}


def test_a_home_in_use_is_one_sentence(run: Run, runtime: Runtime) -> None:
    at = runtime.settings.home
    for words in (["export"], ["reindex"], ["match", "similar", "x"]):
        assert one_sentence(run(*words, at=at))
    assert run("token", "list", at=at).exit_code == 0


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "x"), ("PASSERELLE_BASE", "https://other.example/")]
)
def test_a_bad_environment_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert one_sentence(run("export"))


def test_a_re_ranking_model_that_cannot_be_used_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Reranker) -> None:
        raise OSError("no config.json")

    monkeypatch.setattr(Reranker, "_read", unreadable)
    for folder in (tmp_path, tmp_path / "missing"):
        monkeypatch.setenv("PASSERELLE_RERANKER", str(folder))
        found = run("match", "similar", "Old people live alone in villages")
        assert one_sentence(found), folder
        assert "PASSERELLE_RERANKER" in found.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("config.json", ["match", "similar", "Old people"]),
        ("modules.json", ["reindex"]),
        ("1_Pooling/config.json", ["serve"]),
    ],
)
def test_a_model_that_cannot_be_used_is_one_sentence(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: list[str]
) -> None:
    folder = tmp_path / "model"
    (folder / name).parent.mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / name).write_text("{")
    monkeypatch.setenv("PASSERELLE_MODEL", str(folder))
    monkeypatch.setenv("PORT", "0")
    found = CliRunner().invoke(main, [*words, "--home", str(home)])
    assert (found.exit_code, found.stdout) == (2, "")
    assert f"The model {folder} has a damaged {name}" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_model_libraries_are_kept_off_the_network_and_what_was_set_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless one of the models comes from a hub."""
    for model, reranker, offline in (
        ("default", None, "1"), (str(tmp_path), str(tmp_path), "1"), ("org/name", None, None),
        ("default", "org/name", None),
    ):  # fmt: skip
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("OMP_WAIT_POLICY", "active")
        _set_up_models(Settings(home=tmp_path, model=model, reranker=reranker))
        assert os.environ.get("HF_HUB_OFFLINE") == offline
        assert os.environ["OMP_WAIT_POLICY"] == "active"
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


def test_evaluate_takes_only_a_file_that_is_there(run: Run) -> None:
    assert one_sentence(run("evaluate", "susy", os.devnull + "x"))


def test_the_log_of_queries_is_shown(run: Run, home: Path) -> None:
    assert "No query" in run("queries").stdout
    log = QueryLog(home, Metrics())
    with log.watch("ASK {}"), log.watch("ASK { }"):
        pass
    with pytest.raises(LimitExceeded), log.watch("SELECT"):
        raise LimitExceeded("too much", "rows")
    log.close()
    assert len(run("queries").stdout.splitlines()) == 3
    found = json.loads(run("queries", "--limited", "--slowest", "--json").stdout)
    assert [row["limit"] for row in found["queries"]] == ["rows"]
    assert found["total"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["instruments", "--entry", f"{BASE}id/challenge/loneliness", "--territory", "AL"],
         "No instrument is known"),
        (["consortium", "--entry", f"{BASE}id/call/esf-si-2023-ncc-01"], "Instead:"),
        (["groups", "--entry", f"{BASE}id/community/urbact-re-gen"], "Language of the question"),
        (["transfer", "no bus in the village", "--territory", "HR", "--with",
          f'{{"why_not": "{BASE}id/practice/repair-cafe"}}'], "is number"),
        (["transfer", "no bus in the village", "--territory", "HR", "--with",
          '{"what_if": {"actor_types": ["ngo"]}}'], "As supposed: Fit goes"),
    ],
)  # fmt: skip
def test_every_kind_of_question_can_be_asked(ask: Run, words: list[str], told: str) -> None:
    found = ask("match", *words)
    assert found.exit_code == 0, found.stderr
    assert told in found.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["match", "batch", "--country", "HR"],
        ["match", "batch", "--format", "nt", "--country", "HR", "--output", "y"],
        ["match", "similar", "x", "--format", "nt", "--json"],
        ["match", "similar", "x", "--format", "docx"],
        ["feedback", "/no/such/file.json", "--agent", "city"],
        ["match", "batch", "x", "--country", "HR", "--output", "y"],
        ["match", "batch", "--territory", "HR", "--country", "HR", "--output", "y"],
        ["match", "batch", "--lang", "hr", "--country", "HR", "--output", "y"],
        ["match", "batch", "--entry", "x", "--country", "HR", "--output", "y"],
        ["match", "batch", "--with", '{"lang": "hr"}', "--country", "HR", "--output", "y"],
        ["match", "similar", "x", "--country", "HR", "--output", "y"],
        ["match", "transfer", "x", "--territory", "HR", "--with", "{"],
        ["match", "consortium", "x", "--with", '{"rules": {"must": ["nobody"]}}'],
        ["evaluate"],
        ["evaluate", "susy", "--feedback"],
        ["evaluate", "susy"],
        ["evaluate", "judged"],
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(ask: Run, words: list[str]) -> None:
    assert one_sentence(ask(*words))


def test_a_batch_is_gone_on_with(ask: Run, tmp_path: Path) -> None:
    output = tmp_path / "hr.jsonl"
    words = ("match", "batch", "--country", "HR", "--output", str(output), "--limit", "5")
    first = json.loads(ask(*words, "--json").stdout)
    whole = output.read_text()
    lines = [json.loads(line) for line in whole.splitlines()]
    assert first["entries"] == len(lines) - 1 > 0
    for line in lines[1:]:
        assert len(line["matches"]) == 5
        assert line["entry"] not in [m["entry"] for m in line["matches"]]
        scores = [m["score"] for m in line["matches"]]
        assert scores == sorted(scores, reverse=True)
    output.write_text(whole[: len(whole) // 2])
    assert json.loads(ask(*words, "--json").stdout)["entries"] == first["entries"]
    assert output.read_text() == whole
    ask(*words[:-1], "3")
    assert len(json.loads(output.read_text().splitlines()[1])["matches"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"My notes\n",
        b"My notes",
        b"[]\n",
        b'{"a": 1}\n',
        b"1\n2\n",
        b"null\n",
        b"\xff\xfe\n",
        b"\n",
    ],
)
def test_a_batch_leaves_a_file_of_others_as_it_is(ask: Run, tmp_path: Path, body: bytes) -> None:
    output = tmp_path / "mine"
    output.write_bytes(body)
    ended = ask("match", "batch", "--country", "HR", "--output", str(output))
    assert ended.exit_code == 2
    assert "not a file of an earlier batch" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
    assert output.read_bytes() == body


def test_a_batch_takes_an_empty_file_and_not_one_with_a_strange_line(
    ask: Run, tmp_path: Path
) -> None:
    output = tmp_path / "hr.jsonl"
    output.touch()
    words = ("match", "batch", "--country", "HR", "--output", str(output))
    assert ask(*words).exit_code == 0
    output.write_text(output.read_text() + '{"mine": 1}\n')
    before = output.read_text()
    assert ask(*words).exit_code == 2
    assert output.read_text() == before


@pytest.mark.parametrize("form", {"turtle": 0, "nt": 0, "jsonld": 0})
def test_matches_are_written_as_rdf(ask: Run, form: str) -> None:
    challenge = f"{BASE}id/challenge/loneliness"
    words = ["match", "transfer", "--entry", challenge, "--territory", "HR035", "--limit", "2"]
    answer = json.loads(ask(*words, "--json").stdout)
    ended = ask(*words, "--format", form)
    assert ended.exit_code == 0, ended.stderr
    kind = FORMATS.get(form, ox.RdfFormat.N_TRIPLES)
    found = {(q.predicate.value, q.object.value) for q in ox.parse(ended.stdout, format=kind)
             if not isinstance(q.object, ox.Triple)}  # fmt: skip
    psr = "https://w3id.org/passerelle/ns#"
    shown = {value for prop, value in found if prop == psr + "candidate"}
    assert shown == {m["entry"] for m in answer["matches"]}
    assert (psr + "query", challenge) in found


def test_feedback_is_told_on_the_command_line(run: Run, home: Path, tmp_path: Path) -> None:
    told = {"kind": "similar", "entry": f"{BASE}id/practice/repair-cafe", "decision": "tried"}
    file = tmp_path / "told.json"
    file.write_text(json.dumps(told))
    made = json.loads(run("feedback", str(file), "--agent", "city-of-split", "--json").stdout)
    assert made["entry"].startswith(f"{BASE}id/match/")
    assert decisions(home, made["entry"]) == ["tried"]
    stdin = CliRunner().invoke(
        main, ["feedback", "-", "--agent", "city-of-split", "--home", str(home), "--json"],
        input=json.dumps(told | {"decision": "worked"}),
    )  # fmt: skip
    assert json.loads(stdin.stdout)["entry"] == made["entry"]
    del stdin
    gc.collect()
    assert decisions(home, made["entry"]) == ["worked"]


def decisions(home: Path, entry: str) -> list[str]:
    """What a stored match says became of it."""
    links = EmbeddedStore(BASE, home / "store").get(entry).links(PSR + "decision")
    return [link.rpartition("/")[2] for link in links]


@pytest.mark.parametrize(
    ("body", "agent", "said"),
    [
        ("{", "city", "JSON"),
        ('{"kind": "similar"}', "city", "entry"),
        ('{"kind": "similar", "entry": "x", "decision": "tried"}', "city", "entry"),
        ('{"kind": "similar", "entry": "x", "decision": "tried"}', "A <B>", "agent"),
        ('{"kind": "similar", "entry": "x", "decision": "tried"}', "starter", "agent"),
    ],
)
def test_feedback_that_cannot_be_used_is_one_sentence(
    ask: Run, tmp_path: Path, body: str, agent: str, said: str
) -> None:
    file = tmp_path / "told.json"
    file.write_text(body)
    ended = ask("feedback", str(file), "--agent", agent)
    assert one_sentence(ended)
    assert said in ended.stderr


def test_feedback_is_reported_and_weights_are_written_only_when_asked(
    ask: Run, tmp_path: Path
) -> None:
    file = tmp_path / "weights.json"
    shown = ask("evaluate", "--feedback")
    assert shown.exit_code == 0, shown.stderr
    assert "with_result" in shown.stdout
    assert not file.exists()
    found = json.loads(ask("evaluate", "--feedback", "--write", str(file), "--json").stdout)
    assert json.loads(file.read_text()) == found
    assert found["stamp"]["prior"] != found["stamp"]["posterior"]


def test_half_a_character_in_a_file_is_a_refused_row(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "half.json"
    iri = "https://passerelle.example/id/practice/x"
    file.write_text(f'[{{"@id": "{iri}\\ud800", "type": "Practice"}}]')
    result = CliRunner().invoke(main, ["import", "rdf", str(file), "--home", str(home), "--json"])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert json.loads(result.stdout)["refused"] == 1
