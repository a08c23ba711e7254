"""Read the features of a GeoJSON FeatureCollection.

By ``json`` and not by a streaming parser: none of these says line and column of what is damaged.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from kg.errors import ImportFailed
from kg.imports.sources import Record, not_utf8


def records(path: Path, expected: Collection[str]) -> Iterator[Record]:
    """Yield the properties of every feature, with ``geo:lat`` and ``geo:long`` of a point.

    Properties are free in GeoJSON, so nothing is ``expected``. Raises ImportFailed if the
    file is not a whole FeatureCollection, and says where it breaks.
    """
    complete = 0

    def keep(item: dict[str, Any]) -> dict[str, Any]:
        """Count features and forget outlines, of which most of a large file consists."""
        nonlocal complete
        complete += item.get("type") == "Feature"
        if item.get("type") != "Point" and isinstance(item.get("coordinates"), list):
            del item["coordinates"]
        return item

    where = ""
    try:
        text = path.read_text("utf-8-sig")
        document = json.loads(text, parse_float=str, parse_int=str, object_hook=keep)
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error
    except (json.JSONDecodeError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            where = f" at line {error.lineno}, column {error.colno}"
        raise ImportFailed(
            f"{path.name} breaks off or is damaged{where}, after feature {complete};"
            " download it again."
        ) from error
    kind = document.get("type") if isinstance(document, dict) else None
    if kind != "FeatureCollection" or not isinstance(document.get("features"), list):
        raise ImportFailed(
            f"{path.name} is not a GeoJSON FeatureCollection; its type is {str(kind)[:40]!r}."
        )
    for number, feature in enumerate(document["features"], 1):
        yield _record(number, feature)


def _record(number: int, feature: Any) -> Record:  # noqa: ANN401
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        return Record(number, {}, "This is not a GeoJSON feature with properties.")
    values = {k: v for k, v in properties.items() if isinstance(v, str)}
    match feature.get("geometry"):
        case {"type": "Point", "coordinates": [str(long), str(lat), *_]}:
            values |= {"geo:long": long, "geo:lat": lat}
    return Record(number, values)
