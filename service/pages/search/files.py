"""A result as a file: CSV, a spreadsheet, GeoJSON or Turtle, with source and licence."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from kg.catalogue.rows import Row
from kg.stores.protocol import Store
from kg.text.i18n import language
from service.http.negotiation import turtle
from service.pages.parts.labels import Labels

COLUMNS = (
    "iri", "type", "title", "title_language", "summary", "country", "territory", "theme",
    "target_group", "stage", "evidence", "instrument", "approach", "latitude", "longitude",
    "source", "licence", "checked_on",
)  # fmt: skip
#: what a spreadsheet program takes for the beginning of a formula
_RISKY = ("=", "+", "-", "@", "\t", "\r")
Writer = Callable[[Store, Sequence[Row], Labels], bytes]


def cells(row: Row, labels: Labels) -> tuple[str | float | None, ...]:
    """An entry as a row of a table; several values are joined by ``; ``."""
    lang = language()
    title, summary = row.title(lang), row.summary(lang)
    filters = ("theme", "target_group", "stage", "evidence", "instrument", "approach")
    lat, long = row.point or (None, None)
    return (
        row.iri,
        row.path,
        title.value,
        title.lang,
        summary.value if summary else "",
        "; ".join(row.values["country"]),
        "; ".join(row.values["territory"]),
        *(labels.values(row, name, between="; ") for name in filters),
        lat,
        long,
        row.source,
        row.licence,
        row.checked,
    )


def as_csv(store: Store, rows: Sequence[Row], labels: Labels) -> bytes:
    """Write a table for a spreadsheet program: no text in it is taken for a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            f"'{cell}" if isinstance(cell, str) and cell.startswith(_RISKY) else cell
            for cell in cells(row, labels)
        )
    return stream.getvalue().encode("utf-8-sig")


def as_xlsx(store: Store, rows: Sequence[Row], labels: Labels) -> bytes:
    """Write a workbook with one sheet; texts stay texts."""
    import xlsxwriter

    stream = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(stream, plain) as book:
        sheet = book.add_worksheet("Passerelle")
        sheet.write_row(0, 0, COLUMNS, book.add_format({"bold": True}))
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, cells(row, labels))
    return stream.getvalue()


def as_geojson(store: Store, rows: Sequence[Row], labels: Labels) -> bytes:
    """Write features; what has no place of its own has no geometry."""
    features = [
        {
            "type": "Feature",
            "id": row.iri,
            "geometry": row.point and {"type": "Point", "coordinates": row.point[::-1]},
            "properties": dict(zip(COLUMNS, cells(row, labels), strict=True)),
        }
        for row in rows
    ]
    body = {"type": "FeatureCollection", "features": features}
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def as_turtle(store: Store, rows: Sequence[Row], labels: Labels) -> bytes:
    """Write all that the graph knows of the entries."""
    return turtle(t for entry in store.several([row.iri for row in rows]) for t in entry.triples)


#: format -> media type, and what writes it
FORMATS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv", as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "geojson": ("application/geo+json", as_geojson),
    "turtle": ("text/turtle", as_turtle),
}
