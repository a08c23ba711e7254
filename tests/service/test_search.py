"""Search and browse: filters, counts, order, pages, maps, files, and how they fail."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile

import pyoxigraph as ox
import pytest
from flask.testing import FlaskClient

from kg.text.folding import fold
from service.core.runtime import Runtime
from service.pages.parts.map import Spot, draw, project, zoom
from service.pages.search.files import COLUMNS
from tests.service.conftest import ANY, BASE, practice
from tests.service.pagetools import page, words


def titles(text: str) -> list[str]:
    return [words(found) for found in re.findall(r"<h3>(.*?)</h3>", text, re.DOTALL)]


class TestBrowse:
    def test_everything_is_there_by_title(self, client: FlaskClient, runtime: Runtime) -> None:
        text = page(client, "/search")
        assert f"{len(runtime.catalogue.snapshot().listed)} entries" in words(text)
        found = titles(text)
        assert len(found) == 20
        assert found == sorted(found, key=fold)

    def test_a_count_is_what_its_filter_leaves(self, client: FlaskClient) -> None:
        text = page(client, "/search", type="practice")
        link = re.search(r'href="(/search\?[^"]*theme=housing[^"]*)"[^>]*>.*?>(\d+)<', text)
        assert link is not None
        left = words(page(client, link[1].replace("&amp;", "&")))
        assert f" {link[2]} entr" in left

    def test_filters_are_chips_that_can_be_removed(self, client: FlaskClient) -> None:
        text = page(client, "/search", type="practice", country=["HR", "LV"])
        seen = words(text)
        assert "Kind of entry: Practice" in seen
        assert "Country: Croatia" in seen
        assert 'href="/search?type=practice&amp;country=LV"' in text
        assert "Region or town" in seen
        assert 'aria-current="true"' in text

    def test_a_place_becomes_a_filter(self, client: FlaskClient) -> None:
        seen = words(page(client, "/search", place="split", type="practice"))
        assert "Region or town: Split" in seen
        assert "Platform of the Youth Centre" in seen or "Youth" in seen

    def test_pages_follow_each_other_without_gaps(self, client: FlaskClient) -> None:
        first = page(client, "/search", type="practice")
        # Other tests write practices too, so there may be a page more.
        told = re.search(r"Page 1 of (\d+)", words(first))
        assert told
        numbers = range(2, int(told[1]) + 1)
        assert len(numbers) >= 2
        rest = [page(client, "/search", type="practice", page=str(n)) for n in numbers]
        found = [link for t in (first, *rest) for link in re.findall(r'<h3><a href="([^"]+)"', t)]
        assert len(found) == len(set(found)) >= 57
        assert titles(page(client, "/search", type="practice", page="99")) == titles(rest[-1])

    def test_the_order_can_be_chosen(self, client: FlaskClient) -> None:
        strong = words(page(client, "/search", type="practice", sort="evidence"))
        assert strong.index("Evidence: Randomised") < strong.index("Evidence: Before and after")
        dated = page(client, "/search", type="practice", sort="checked", view="table")
        dates = re.findall(r"<td>(\d{4}-\d\d-\d\d)</td>", dated)
        assert dates == sorted(dates, reverse=True)

    def test_who_browsed_by_title_and_then_asks_sees_the_closest_first(
        self, client: FlaskClient
    ) -> None:
        """The order that nobody chose is sent as none, so it is the usual one for what is asked."""
        for q, usual in (("", "Title"), ("empty houses", "Closest to your words")):
            assert f'<option value="" selected>{usual}</option>' in page(client, "/search", q=q)

    def test_the_same_as_map_and_table(self, client: FlaskClient) -> None:
        text = page(client, "/search", type="practice", view="map")
        assert 'aria-label="Croatia: ' in text
        assert '<circle class="dot"' in text
        assert '<th scope="row">' in page(client, "/search", type="practice", view="table")

    def test_unknown_values_leave_nothing_and_can_be_removed(self, client: FlaskClient) -> None:
        text = page(client, "/search", theme="<b>x</b>", type="planet", language="xx")
        assert "0 entries" in words(text)
        assert "<b>x</b>" not in text
        assert "Kind of entry: planet" in words(text)

    def test_a_written_entry_is_found_at_once(
        self, client: FlaskClient, auth: dict[str, str]
    ) -> None:
        body = practice("on-the-shelf", title="Zzz last of all")
        sent = client.post("/api/entries", data=body, headers=auth, content_type="text/turtle")
        assert sent.status_code == 201
        found = titles(page(client, "/search", type="practice", country="HR"))
        assert found[-1] == "Zzz last of all"
        client.delete("/api/entries/practice/on-the-shelf", headers=auth | ANY)
        assert "Zzz" not in page(client, "/search", type="practice", country="HR")


class TestWords:
    def test_the_closest_come_first_with_a_reason(self, client: FlaskClient) -> None:
        text = page(client, "/search", q="homeless people need housing", type="practice")
        assert any("Housing First" in title for title in titles(text))
        assert 'class="level level-' in text
        assert "close to" in words(text)
        assert "Closest to your words" in text

    def test_what_holds_the_words_is_found(self, client: FlaskClient, runtime: Runtime) -> None:
        themed = runtime.catalogue.snapshot().passing({"type": ["practice"], "theme": ["housing"]})
        found = words(page(client, "/search?q=housing&type=practice&theme=housing"))
        assert int(re.findall(r"(\d+) entries", found)[0]) >= len(themed) > 5

    @pytest.mark.parametrize("q", ["sibenik", "SIBENIK", "Šibenik", "S\u030cibenik"])
    def test_accents_and_capitals_do_not_matter(self, client: FlaskClient, q: str) -> None:
        text = page(client, "/search", q=q)
        assert "No good match" not in words(text)
        assert any("Šibenik" in title for title in titles(text))
        listed = client.get("/api/entries", query_string={"q": q, "type": "actor"}).get_json()
        assert any("Šibenik" in row["title"] for row in listed["entries"])

    def test_a_filter_that_leaves_nothing_shows_the_nearest_behind_it(
        self, client: FlaskClient
    ) -> None:
        text = page(client, "/search?q=older+people+are+lonely&country=HR&type=plan")
        assert "No good match; the nearest are" in words(text)
        assert titles(text)

    def test_a_country_that_was_typed_is_a_country(self, client: FlaskClient) -> None:
        text = words(page(client, "/search?place=Greece"))
        assert "Country: Greece" in text

    def test_no_good_match_is_said(self, client: FlaskClient) -> None:
        text = page(client, "/search", q="quantum chromodynamics")
        assert "No good match; the nearest are:" in words(text)
        assert len(titles(text)) == 10

    def test_while_the_index_is_made_words_are_looked_for(
        self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Runtime, "ready", property(lambda self: False))
        seen = words(page(client, "/search", q="BUURTZORG"))
        assert "The index is not complete yet" in seen
        assert "Buurtzorg" in seen

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"q": "x" * 20_001}, "20,001 characters"),
            ({"place": "Zagrb"}, "No place is called “Zagrb” here."),
        ],
    )
    def test_what_is_wrong_is_said(
        self, client: FlaskClient, query: dict[str, str], message: str
    ) -> None:
        text = page(client, "/search", 422, **query)
        assert message in words(text)
        assert 'aria-invalid="true"' in text

    @pytest.mark.parametrize(
        "q", ["👩‍🌾", "كيف نساعد كبار السن؟", "a\x00b", '"><script>x</script>']
    )
    def test_odd_words_are_shown_as_text(self, client: FlaskClient, q: str) -> None:
        text = page(client, "/search", q=q)
        assert "<script>x" not in text
        assert "\x00" not in text


class TestFiles:
    def test_csv(self, client: FlaskClient) -> None:
        answer = client.get("/search?type=practice&country=HR&format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
        assert {row["country"] for row in rows} == {"HR"}
        known = next(row for row in rows if row["iri"].endswith("/practice/dom-mladih-split"))
        assert known["source"].startswith("http")
        assert 'filename="passerelle.csv"' in answer.headers["Content-Disposition"]

    def test_no_text_becomes_a_formula(self, client: FlaskClient, auth: dict[str, str]) -> None:
        body = practice("formula", title='=HYPERLINK(\\"http://x\\")')
        client.post("/api/entries", data=body, headers=auth, content_type="text/turtle")
        listed = "/search?type=practice&country=HR&format="
        assert "'=HYPERLINK" in client.get(listed + "csv").get_data().decode("utf-8-sig")
        with zipfile.ZipFile(io.BytesIO(client.get(listed + "xlsx").data)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            shared = book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in sheet
        assert "=HYPERLINK" in shared
        assert all(column in shared for column in COLUMNS)
        client.delete("/api/entries/practice/formula", headers=auth | ANY)

    def test_geojson(self, client: FlaskClient) -> None:
        found = json.loads(client.get("/search?type=practice&format=geojson").data)
        placed = [f for f in found["features"] if f["geometry"]]
        assert len(placed) > 20
        assert all(-30 < f["geometry"]["coordinates"][0] < 45 for f in placed)

    def test_a_file_has_the_coordinates_that_are_stated_and_no_middle_of_a_region(
        self, client: FlaskClient, runtime: Runtime
    ) -> None:
        query = "SELECT ?lat ?long { ?t geo:lat ?lat ; geo:long ?long }"
        stated = {(float(r["lat"]), float(r["long"])) for r in runtime.store.select(query, {})}
        rows = list(
            csv.DictReader(io.StringIO(client.get("/search?format=csv").text.lstrip("\ufeff")))
        )
        features = json.loads(client.get("/search?format=geojson").data)["features"]
        at = {
            r["iri"]: (float(r["latitude"]), float(r["longitude"])) for r in rows if r["latitude"]
        }
        drawn = {
            f["id"]: tuple(f["geometry"]["coordinates"][::-1]) for f in features if f["geometry"]
        }
        assert at == drawn
        assert at[f"{BASE}id/actor/city-hr-pula"] == (44.8683, 13.8481)
        assert f"{BASE}id/practice/humana-nova-cakovec" in {r["iri"] for r in rows} - at.keys()
        assert [iri for iri, point in at.items() if point not in stated] == []

    def test_the_page_of_a_region_without_coordinates_has_none(self, client: FlaskClient) -> None:
        there, nowhere = (page(client, f"/id/territory/{name}") for name in ("hr-pula", "HR036"))
        assert "GeoCoordinates" in there
        assert "GeoCoordinates" not in nowhere

    def test_turtle_holds_all_that_is_known(self, client: FlaskClient, runtime: Runtime) -> None:
        body = client.get("/search?type=call&format=turtle").data
        triples = {q.triple for q in ox.parse(body, format=ox.RdfFormat.TURTLE)}
        assert triples == {t for e in runtime.store.entries("call") for t in e.triples}

    def test_there_are_no_other_files(self, client: FlaskClient) -> None:
        answer = client.get("/search?format=exe")
        assert (answer.status_code, "(geojson)" in answer.text) == (406, True)

    def test_robots_find_the_site_map(self, client: FlaskClient, runtime: Runtime) -> None:
        robots = client.get("/robots.txt").text
        assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in robots
        root = ET.fromstring(client.get("/sitemap.xml").data)
        places = [loc.text or "" for loc in root.findall("{*}url/{*}loc")]
        assert len(places) == len(runtime.catalogue.snapshot().listed) + 7
        assert {"http://127.0.0.1:8000/transfer", "http://127.0.0.1:8000/groups"} < set(places)
        assert client.get(places[10]).status_code == 200


class TestMaps:
    def test_places_lie_where_they_should(self) -> None:
        split, riga, lisbon = (project(p) for p in [(43.5, 16.4), (56.9, 24.1), (38.7, -9.1)])
        assert lisbon[0] < split[0] < riga[0]
        assert riga[1] < split[1] < lisbon[1]

    def test_what_is_off_the_map_is_left_out(self) -> None:
        assert draw({}, [Spot((-41.3, 174.8), "Wellington")], str).dots == ()
        assert zoom((5.0, -52.0), "Cayenne", str, "FR") is None

    def test_one_dot_for_one_place(self) -> None:
        rome = (41.9, 12.5)
        found = draw({"IT": 8, "FR": 2}, [Spot(rome, str(n)) for n in range(7)], str, str.lower)
        assert [dot.title for dot in found.dots] == ["0; 1; 2 (+4)"]
        many = [Spot((40 + n / 100, 10 + n % 17), str(n)) for n in range(900)]
        assert 50 < len(draw({}, many, str).dots) <= 250
        shades = {c.code: c.shade for c in found.countries}
        assert (shades["IT"], shades["FR"], shades["DE"]) == (4, 2, 0)
        assert {c.href for c in found.countries} == {"it", "fr", ""}

    def test_a_dot_leads_to_what_is_there(self, client: FlaskClient) -> None:
        text = page(client, "/search", type="practice", country="HR", view="map")
        dots = re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"><circle', text)
        assert dots
        for href, name in dots:
            there = page(client, html.unescape(href))
            for title in html.unescape(name).partition(" (+")[0].split("; "):
                assert title in html.unescape(there), href
