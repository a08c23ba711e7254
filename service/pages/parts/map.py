"""Maps of Europe as inline SVG: outlines made at set-up, countries shaded, places as dots."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from kg.catalogue.territories import Point

SHADES, MAX_DOTS = 4, 250


@dataclass(frozen=True)
class Country:
    """An outline; ``shade`` is 0 for nothing and up to 4 for most, ``href`` may be empty."""

    code: str
    name: str
    outline: str
    count: int
    shade: int
    href: str


@dataclass(frozen=True)
class Dot:
    """A place with how much is there; ``radius`` grows with the square root of it.

    ``href`` leads to what is there and may be empty.
    """

    x: float
    y: float
    radius: float
    title: str
    href: str = ""


@dataclass(frozen=True)
class Spot:
    """Something at a point: its title, its page, the code of its place, and how much it is."""

    point: Point
    title: str
    href: str = ""
    place: str = ""
    count: int = 1


@dataclass(frozen=True)
class Map:
    """What a template draws; ``view`` is the part shown: left, top, width, height."""

    view: str
    countries: tuple[Country, ...]
    dots: tuple[Dot, ...]


def draw(
    counts: Mapping[str, int],
    spots: Iterable[Spot],
    name: Callable[[str], str],
    href: Callable[[str], str] = lambda code: "",
    among: Callable[[Sequence[Spot]], str] = lambda spots: "",
) -> Map:
    """Draw Europe, countries shaded by count, with a dot for each place that is on it.

    ``among`` says where the dot of several spots leads.
    """
    outlines = _outlines()
    most = max(counts.values(), default=0)
    countries = tuple(
        Country(
            code,
            name(code),
            outline,
            count := counts.get(code, 0),
            math.ceil(SHADES * math.sqrt(count / most)) if count else 0,
            href(code) if count else "",
        )
        for code, outline in sorted(outlines.get("countries", {}).items())
    )
    return Map(f"0 0 {_size()} {_size()}", countries, _dots(spots, among))


def zoom(point: Point, title: str, name: Callable[[str], str], code: str) -> Map | None:
    """Draw the surroundings of one place, its country marked; None if it is off the map."""
    dots = _dots([Spot(point, title)])
    if not dots:
        return None
    size, width = _size(), 360
    left = min(max(dots[0].x - width / 2, 0), size - width)
    top = min(max(dots[0].y - width / 2, 0), size - width)
    drawn = draw({code: 1}, [], name)
    return Map(f"{left:.0f} {top:.0f} {width} {width}", drawn.countries, dots)


def _dots(
    spots: Iterable[Spot], among: Callable[[Sequence[Spot]], str] = lambda spots: ""
) -> tuple[Dot, ...]:
    """One dot for all that lie at the same place, large ones first.

    Where there would be too many, what lies close together shares a dot.
    """
    placed = [(project(spot.point), spot) for spot in spots]
    placed = [(at, spot) for at, spot in placed if all(0 <= axis <= _size() for axis in at)]
    grid, groups = 1, dict[tuple[int, int], list[Spot]]()
    while placed and (not groups or len(groups) > MAX_DOTS):
        groups = {}
        for (x, y), spot in placed:
            groups.setdefault((round(x / grid) * grid, round(y / grid) * grid), []).append(spot)
        grid *= 2
    dots = []
    for (x, y), here in groups.items():
        titles = list(dict.fromkeys(spot.title for spot in here))
        more = f" (+{len(titles) - 3})" if len(titles) > 3 else ""
        radius = round(min(5 + 3 * math.sqrt(sum(spot.count for spot in here)), 24), 1)
        href = here[0].href if len(here) == 1 else among(here)
        dots.append(Dot(x, y, radius, "; ".join(titles[:3]) + more, href))
    return tuple(sorted(dots, key=lambda dot: (-dot.radius, dot.x, dot.y)))


def project(point: Point) -> tuple[float, float]:
    """Place a latitude and longitude on the map (Lambert azimuthal equal area)."""
    lat, east = math.radians(point[0]), math.radians(point[1] - 10)
    middle, made = math.radians(52), _outlines()
    ahead = math.sin(middle) * math.sin(lat) + math.cos(middle) * math.cos(lat) * math.cos(east)
    if ahead <= -0.9:
        return -1.0, -1.0
    scale = made.get("scale", 0) * math.sqrt(2 / (1 + ahead))
    up = math.cos(middle) * math.sin(lat) - math.sin(middle) * math.cos(lat) * math.cos(east)
    x = made.get("x", -1) + scale * math.cos(lat) * math.sin(east)
    return x, made.get("y", -1) - scale * up


def _size() -> int:
    return int(_outlines().get("size", 0))


@lru_cache(maxsize=1)
def _outlines() -> dict[str, Any]:
    """What ``make assets`` wrote; without it there are pages, but no maps."""
    file = files("service") / "static" / "vendor" / "europe.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.is_file() else {}
