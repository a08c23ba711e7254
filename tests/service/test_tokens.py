from __future__ import annotations

import time
from pathlib import Path

import pytest

from kg.errors import NotFound, Refused
from kg.ledger.database import Database
from service.core.tokens import Tokens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def tokens(path: Path) -> Tokens:
    return Tokens(Database.in_file(path))


def holder(tokens: Tokens, secret: str) -> str | None:
    known = tokens.holder(secret)
    return known.name if known else None


def test_only_a_hash_is_kept_and_only_the_owner_can_read_it(path: Path, tokens: Tokens) -> None:
    secret = tokens.create("city-of-split")
    assert all(secret.encode() not in file.read_bytes() for file in path.parent.iterdir())
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 43


def test_a_token_names_its_holder(tokens: Tokens) -> None:
    first, second = tokens.create("one"), tokens.create("two")
    assert (holder(tokens, first), holder(tokens, second)) == ("one", "two")
    assert tokens.holder(first[:-1]) is None
    assert tokens.holder("\ud800") is None


def test_a_token_says_what_its_holder_may_do(tokens: Tokens) -> None:
    secret = tokens.create("si-centre", "curator", countries=("si", "SI"), communities=("urn:c",))
    known = tokens.holder(secret)
    assert known is not None
    assert (known.role, known.countries, known.communities) == ("curator", ("SI",), ("urn:c",))
    assert known == tokens.still(known.token or "")


def test_a_running_service_sees_what_the_command_line_changes(path: Path, tokens: Tokens) -> None:
    command = Tokens(Database.in_file(path))
    assert tokens.all() == []
    secret = command.create("later")
    assert holder(tokens, secret) == "later"
    assert command.revoke("later") == 1
    assert tokens.holder(secret) is None
    assert tokens.all() == []


def test_a_token_ends_on_its_day(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tokens.create("for-a-week", days=7)
    now = time.time()
    for later, known in ((6.9, "for-a-week"), (7.1, None), (-1000.0, "for-a-week")):
        monkeypatch.setattr(time, "time", lambda days=later: now + days * 86_400)
        assert holder(tokens, secret) == known, later


def test_its_last_use_is_noted_once_a_minute(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, now = tokens.create("used"), time.time()
    assert tokens.all()[0].used is None
    for later, used in ((0, 0), (30, 0), (90, 90), (100, 90), (-500, -500)):
        monkeypatch.setattr(time, "time", lambda seconds=later: now + seconds)
        assert tokens.holder(secret)
        assert tokens.all()[0].used == now + used


def test_an_unknown_label_cannot_be_revoked(tokens: Tokens) -> None:
    with pytest.raises(NotFound):
        tokens.revoke("nobody")


@pytest.mark.parametrize(
    "label", ["", "Split", "a b", "-a", "starter", "import-susy", "operator", "a\n", "ž"]
)
def test_labels_are_slugs_and_none_of_our_own(tokens: Tokens, label: str) -> None:
    with pytest.raises(Refused):
        tokens.create(label)
    assert tokens.all() == []


def test_a_contributor_writes_for_an_organisation(tokens: Tokens) -> None:
    with pytest.raises(Refused, match="for an organisation"):
        tokens.create("helper", "contributor")
    assert tokens.create("helper", "contributor", organisation="urn:o")
