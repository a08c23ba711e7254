"""Read the features of a GeoJSON FeatureCollection one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kg.errors import ImportFailed
from kg.imports.sources import Record, not_utf8

_LIST = re.compile(r'"features"\s*:\s*\[\s*')
_COMMA = re.compile(r"\s*(,|(?=\]))\s*")


def records(path: Path, expected: Collection[str]) -> Iterator[Record]:
    """Yield the properties of every feature, with ``geo:lat`` and ``geo:long`` of a point.

    Properties are free in GeoJSON, so nothing is ``expected``. Raises ImportFailed if the
    file is not a whole FeatureCollection, and says where it breaks.
    """
    number = 0
    try:
        for number, feature in enumerate(_features(path.read_text("utf-8-sig"), path), 1):
            yield _record(number, feature)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except RecursionError as error:
        raise _broken(path, "", number) from error
    except json.JSONDecodeError as error:
        raise _broken(path, f" at line {error.lineno}, column {error.colno}", number) from error


def _broken(path: Path, where: str, number: int) -> ImportFailed:
    return ImportFailed(
        f"{path.name} breaks off or is damaged{where}, after feature {number}; download it again."
    )


def _features(text: str, path: Path) -> Iterator[Any]:
    """Yield the features without building the whole document as objects."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    listed = _LIST.search(text)
    begin = at = listed.end() if listed else len(text)
    while listed and text[at : at + 1] != "]":
        item, at = decoder.raw_decode(text, at)
        yield item
        if not (comma := _COMMA.match(text, at)):
            raise json.JSONDecodeError("A comma was expected", text, at)
        at = comma.end()
    document = decoder.decode(text[:begin] + text[at:])
    kind = document.get("type") if isinstance(document, dict) else None
    if kind != "FeatureCollection" or not listed:
        raise ImportFailed(
            f"{path.name} is not a GeoJSON FeatureCollection; its type is {str(kind)[:40]!r}."
        )


def _record(number: int, feature: Any) -> Record:  # noqa: ANN401
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        return Record(number, {}, "This is not a GeoJSON feature with properties.")
    values = {k: v for k, v in properties.items() if isinstance(v, str)}
    return Record(number, values | _point(feature.get("geometry")))


def _point(geometry: Any) -> dict[str, str]:  # noqa: ANN401
    match geometry:
        case {"type": "Point", "coordinates": [str(long), str(lat), *_]}:
            return {"geo:long": long, "geo:lat": lat}
    return {}
