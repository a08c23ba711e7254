"""Ties: who is near whom through others, and how well that foretells new partners."""

from __future__ import annotations

from matcher.graph.ties import Membership, Ties


def ties(*rows: tuple[str, str, int | None]) -> Ties:
    return Ties(Membership(*row) for row in rows)


def test_partners_of_partners_are_near_and_strangers_are_not() -> None:
    found = ties(
        ("a", "1", 2020), ("b", "1", 2020), ("b", "2", 2020), ("c", "2", 2020), ("d", "3", 2020)
    )
    assert set(found.near("a")) == {"c"}
    assert found.between("a", "c") == ["b"]
    assert found.near("d") == {}
    assert found.near("nobody") == {}


def test_a_partner_of_few_says_more_than_one_of_many() -> None:
    few = [("a", "1", None), ("b", "1", None), ("b", "2", None), ("x", "2", None)]
    many = [("a", "3", None), ("h", "3", None), ("h", "4", None), ("y", "4", None)]
    hub = [
        (name, group, None)
        for n in range(9)
        for name, group in (("h", f"g{n}"), (f"z{n}", f"g{n}"))
    ]
    near = ties(*few, *many, *hub).near("a")
    assert near["x"] > near["y"]


def test_what_is_long_ago_ties_less() -> None:
    rows = [("a", "1", 2020), ("b", "1", 2020), ("b", "2", 2020), ("new", "2", 2020),
            ("a", "3", 2000), ("c", "3", 2000), ("c", "4", 2000), ("old", "4", 2000)]  # fmt: skip
    near = ties(*rows).near("a")
    assert near["new"] > near["old"]
