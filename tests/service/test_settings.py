from __future__ import annotations

import re
from pathlib import Path

import pytest

from kg.stores.remote.http import Address
from service.core.settings import BadSetting, read


def test_defaults_are_those_of_the_contract() -> None:
    found = read({})
    assert (found.port, found.base) == (8000, "https://passerelle.example/")
    assert (found.sparql_seconds, found.sparql_memory) == (10, 1024**3)
    assert (found.sparql_rows, found.sparql_bytes) == (100_000, 64 * 1024**2)
    assert (found.sparql_concurrent, found.sparql_queue) == (4, 32)
    assert (found.rate, found.burst, found.body) == (50, 200, 10 * 1024**2)


def test_home_is_in_the_folder_for_users_data(tmp_path: Path) -> None:
    assert read({"XDG_DATA_HOME": str(tmp_path)}).home == tmp_path / "passerelle"
    assert read({}).home == Path.home() / ".local/share/passerelle"


def test_home_of_the_command_goes_before_the_environment(tmp_path: Path) -> None:
    assert read({"PASSERELLE_HOME": "/elsewhere"}, tmp_path).home == tmp_path


def test_the_environment_is_read() -> None:
    assert (read({}).reranker, read({"PASSERELLE_RERANKER": "a/b"}).reranker) == (None, "a/b")
    found = read({"PORT": "9", "PASSERELLE_SPARQL_SECONDS": "0.5", "PASSERELLE_BASE": "http://a/b"})
    assert (found.port, found.sparql_seconds, found.base) == (9, 0.5, "http://a/b/")


ENGINE = {f"PASSERELLE_SPARQL_{name}": f"http://e/{name}" for name in ("QUERY", "UPDATE", "GSP")}


def test_an_engine_is_named_by_three_addresses() -> None:
    assert read({"USER": "somebody"}).engine is None
    assert read(ENGINE).engine == Address("http://e/QUERY", "http://e/UPDATE", "http://e/GSP")
    who = {"USER": "ana", "PASSWORD": "p", "AUTH": "digest"}
    found = read(ENGINE | {f"PASSERELLE_SPARQL_{name}": value for name, value in who.items()})
    assert found.engine
    assert (found.engine.user, found.engine.password, found.engine.digest) == ("ana", "p", True)
    token = read(ENGINE | {"PASSERELLE_SPARQL_TOKEN": "t"}).engine
    assert token
    assert (token.token, token.user) == ("t", None)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"PASSERELLE_SPARQL_GSP": ""}, "all three or none"),
        ({"PASSERELLE_SPARQL_UPDATE": "file:///etc"}, "PASSERELLE_SPARQL_UPDATE"),
        ({"PASSERELLE_SPARQL_AUTH": "kerberos"}, "PASSERELLE_SPARQL_AUTH"),
        ({"PASSERELLE_SPARQL_USER": "u", "PASSERELLE_SPARQL_TOKEN": "t"}, "not both"),
    ],
)
def test_an_engine_that_is_named_badly_is_told(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(BadSetting, match=named):
        read(ENGINE | wrong)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("PASSERELLE_SPARQL_SECONDS", "nan"),
        ("PASSERELLE_BURST", "1.5"),
        ("PASSERELLE_BASE", "ftp://a/"),
        ("PASSERELLE_BASE", "https://a/?x"),
        ("PASSERELLE_BASE", "https://a b/"),
    ],
)
def test_a_bad_value_is_named_in_one_sentence(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name) as caught:
        read({name: value})
    assert "\n" not in str(caught.value)


def test_every_setting_is_in_the_readme() -> None:
    root = Path(__file__).resolve().parents[2]
    readme = (root / "README.md").read_text("utf-8")
    source = (root / "service" / "core" / "settings.py").read_text("utf-8")
    names = {*re.findall(r"PASSERELLE_[A-Z]+(?:_[A-Z]+)*", source), *ENGINE}
    for name in names - {"PASSERELLE_SPARQL"}:
        shortly = name.removeprefix("PASSERELLE_SPARQL").removeprefix("PASSERELLE_OIDC")
        assert f"`{name}`" in readme or f"`{shortly}`" in readme, name
