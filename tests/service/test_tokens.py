from __future__ import annotations

import json
from pathlib import Path

import pytest

from kg.errors import NotFound, Refused, StoreUnusable
from service.core.tokens import Tokens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "tokens.json"


def test_only_a_hash_is_kept_and_only_the_owner_can_read_it(path: Path) -> None:
    secret = Tokens(path).create("city-of-split")
    assert secret not in path.read_text()
    assert len(json.loads(path.read_text())[0]["sha256"]) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(secret) >= 43


def test_a_token_names_its_holder(path: Path) -> None:
    tokens = Tokens(path)
    first, second = tokens.create("one"), tokens.create("two")
    assert (tokens.holder(first), tokens.holder(second)) == ("one", "two")
    assert tokens.holder(first[:-1]) is None
    assert tokens.holder("\ud800") is None


def test_a_running_service_sees_what_the_command_line_changes(path: Path) -> None:
    service, command = Tokens(path), Tokens(path)
    assert service.all() == []
    secret = command.create("later")
    assert service.holder(secret) == "later"
    assert command.revoke("later") == 1
    assert service.holder(secret) is None


def test_an_unknown_label_cannot_be_revoked(path: Path) -> None:
    with pytest.raises(NotFound):
        Tokens(path).revoke("nobody")


@pytest.mark.parametrize("label", ["", "Split", "a b", "-a", "starter", "import-susy", "a\n", "ž"])
def test_labels_are_slugs_and_none_of_our_own(path: Path, label: str) -> None:
    with pytest.raises(Refused):
        Tokens(path).create(label)
    assert not path.exists()


def test_a_damaged_file_is_told_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("[{")
    with pytest.raises(StoreUnusable, match=r"tokens\.json"):
        Tokens(path).create("one")
    assert path.read_text() == "[{"
