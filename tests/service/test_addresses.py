"""By which name the service is asked, whom proxies ask for, and what of that it repeats."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from service import create_app
from service.core.proxies import Proxies, household
from service.core.runtime import Runtime
from service.core.settings import BadSetting, read

PUBLIC = "https://social.example"
PROXIES = Proxies([ipaddress.ip_network(n) for n in ("10.0.0.0/8", "2001:db8::/32", "127.0.0.1")])
EVIL = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def changed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """Make an application of the shared runtime with other settings."""

    def make(**settings: Any) -> Flask:  # noqa: ANN401
        monkeypatch.setattr(runtime, "settings", replace(runtime.settings, **settings))
        return create_app(runtime)

    return make


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("198.51.100.7", "", "198.51.100.7"),
        ("198.51.100.7", "1.2.3.4", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "9.9.9.9, 1.2.3.4, 10.2.3.4", "1.2.3.4"),
        ("10.0.0.1", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", " , ,", "10.0.0.1"),
        ("::ffff:10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
        ("2001:db8::5", "[2a00:1:2:3::4]:443", "2a00:1:2:3::4"),
        ("127.0.0.1", "fe80::1%eth0", "fe80::1"),
        ("127.0.0.1", "1.2.3.4, unknown", "unknown"),
        ("127.0.0.1", "x" * 5000, "x" * 64),
        ("", "1.2.3.4", ""),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_trusted_proxy(
    peer: str, forwarded: str, client: str
) -> None:
    assert PROXIES.client(peer, forwarded if PROXIES.trusts(peer) else "") == client


def test_limits_count_the_network_that_a_customer_is_given() -> None:
    one, other = household("2a00:1:2:3::4"), household("2a00:1:2:3:ffff::1")
    assert one == other == "2a00:1:2:3::/64"
    assert household("2a00:1:2:4::4") != one
    assert household("1.2.3.4") == "1.2.3.4"


@pytest.fixture
def seen() -> dict[str, object]:
    return {}


@pytest.fixture
def probed(changed: Any, seen: dict[str, object]) -> FlaskClient:  # noqa: ANN401
    app: Flask = changed(proxies=(ipaddress.ip_network("10.0.0.0/8"),))

    @app.before_request
    def look() -> None:
        seen.update(
            address=request.remote_addr, scheme=request.scheme, host=request.host,
            root=request.script_root, path=request.path,
            left=[n for n in request.headers.keys() if n.startswith("X-Forwarded")],
        )  # fmt: skip

    return app.test_client()


def test_a_trusted_proxy_is_believed(probed: FlaskClient, seen: dict[str, object]) -> None:
    headers = {
        "X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.1.1.1", "X-Forwarded-Proto": "http, https",
        "X-Forwarded-Host": "social.example", "X-Forwarded-Prefix": "/kg/",
    }  # fmt: skip
    answer = probed.get("/kg/api/stats", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.status_code == 200
    assert seen == {
        "address": "1.2.3.4", "scheme": "https", "host": "127.0.0.1:8000", "root": "/kg",
        "path": "/api/stats", "left": [],
    }  # fmt: skip


def test_nobody_else_is(probed: FlaskClient, seen: dict[str, object]) -> None:
    headers = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Prefix": "/kg", **EVIL, "Host": "a"}
    probed.get("/api/stats", headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.7"})
    assert seen == {
        "address": "198.51.100.7", "scheme": "http", "host": "127.0.0.1:8000", "root": "",
        "path": "/api/stats", "left": [],
    }  # fmt: skip


def test_clients_behind_one_proxy_do_not_share_a_rate(changed: Any) -> None:  # noqa: ANN401
    proxies = (ipaddress.ip_network("10.0.0.0/8"),)
    client = changed(rate=0.01, burst=1, proxies=proxies).test_client()

    def ask(forwarded: str, peer: str = "10.0.0.1") -> int:
        answer = client.get(
            "/api/stats", headers={"X-Forwarded-For": forwarded}, environ_base={"REMOTE_ADDR": peer}
        )
        return int(answer.status_code)

    assert [ask("1.1.1.1"), ask("2.2.2.2"), ask("9.9.9.9, 1.1.1.1")] == [200, 200, 429]
    assert [ask("3.3.3.3", "8.8.8.8"), ask("4.4.4.4", "8.8.8.8")] == [200, 429]


#: what names an address of the service itself, and how it is asked for
ADDRESSED = {
    "/api/entries/practice/repair-cafe": {"Accept": "application/ld+json"},
    "/id/practice/repair-cafe": {"Accept": "application/ld+json"},
    "/.well-known/void": {"Accept": "text/turtle"},
    "/sparql": {"Accept": "text/turtle"},
    "/robots.txt": {},
    "/sitemap.xml": {},
    "/": HTML,
    "/id/practice/repair-cafe?": HTML,
    "/search?q=repair": HTML,
    "/transfer?q=older+people&place=HR035": HTML,
    "/transfer/brief?q=older+people&place=HR035": HTML,
    "/partners?q=older+people&place=HR035": HTML,
    "/nothing-here": HTML,
    "/openapi.json": {},
    "/?ui=de": HTML,
    "//search?q=repair": HTML,
}
HOSTS = ["evil.example", "evil.example:99", "a b", "<b>", "[::1", "ü.example", "x" * 3_000, ""]


def test_without_a_public_address_every_name_is_answered_and_none_repeated(
    client: FlaskClient,
) -> None:
    wrong = []
    asked = [(path, HOSTS[0]) for path in ADDRESSED]
    asked += [(path, host) for path in ("/robots.txt", "/nothing-here", "//ns") for host in HOSTS]
    for path, host in asked:
        answer = client.get(path, headers=ADDRESSED.get(path, HTML) | EVIL | {"Host": host})
        told = answer.text + str(answer.headers)
        if answer.status_code >= 500 or "evil.example" in told or "http:///" in told:
            wrong.append((path, host, answer.status_code))
    assert wrong == []
    assert (
        "http://127.0.0.1:8000/context.jsonld"
        in client.get("/api/entries/practice/repair-cafe").text
    )


def test_a_new_entry_is_told_where_it_is(
    client: FlaskClient, auth: dict[str, str], changed: Any  # noqa: ANN401
) -> None:  # fmt: skip
    from tests.service.conftest import ANY, practice

    headers = auth | {"Content-Type": "text/turtle"}
    path = "/api/entries/practice/named-by-address"
    answer = client.put(path, data=practice("named-by-address"), headers=headers | EVIL)
    assert (answer.status_code, answer.headers["Location"]) == (201, path)
    public = changed(public_url=PUBLIC).test_client()
    again = public.put(
        path, data=practice("named-by-address"), headers=headers | ANY | {"Host": "social.example"}
    )
    assert (again.status_code, again.headers["Location"]) == (200, PUBLIC + path)
    assert public.delete(path, headers=auth | ANY | {"Host": "social.example"}).status_code == 204


def test_a_public_address_is_carried_and_another_name_refused(changed: Any) -> None:  # noqa: ANN401
    settings = {"public_url": PUBLIC, "hosts": ("internal.example", "10.0.0.5:8000")}
    client = changed(**settings).test_client()
    statuses = {
        host: client.get("/api/stats", headers={"Host": host}).status_code
        for host in (
            "social.example", "SOCIAL.example", "social.example:443", "internal.example",
            "internal.example:81", "10.0.0.5:8000", "10.0.0.5", "social.example:80",
            "evil.social.example", "social.example.evil", *HOSTS,
        )
    }  # fmt: skip
    good = {host for host, status in statuses.items() if status == 200}
    assert good == {
        "social.example", "SOCIAL.example", "social.example:443", "internal.example",
        "internal.example:81", "10.0.0.5:8000",
    }  # fmt: skip
    assert {s for host, s in statuses.items() if host not in good} == {400}
    for path in ("/health", "/ready"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 200
    told = client.get("/api/stats", headers=EVIL).get_json()["detail"]
    assert f"{PUBLIC}/" in told
    own = {"Host": "social.example"}
    for path in ("/sitemap.xml", "/robots.txt", "/.well-known/void"):
        text = client.get(path, headers=own).text
        assert f"{PUBLIC}/" in text
        assert "127.0.0.1" not in text
    entry = json.loads(client.get("/api/entries/practice/repair-cafe", headers=own).text)
    assert entry["@context"] == f"{PUBLIC}/context.jsonld"


def test_a_public_address_may_have_a_path(changed: Any) -> None:  # noqa: ANN401
    client = changed(public_url=f"{PUBLIC}/kg").test_client()
    own = {"Host": "social.example", **HTML}
    pages = (
        "/", "/search", "/search?view=table", "/search?view=map", "/partners", "/consortium", "/ns",
        "/groups", "/transfer", "/contribute", "/numbers", "/sparql", "/voc", "/api/docs",
        "/id/practice/repair-cafe", "/?q=older+people&mode=similar",
    )  # fmt: skip
    astray = []
    for path in [*(f"/kg{page}" for page in pages), *pages]:  # whether the proxy cuts it off
        page = client.get(path, headers=own)
        assert page.status_code == 200, path
        links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page.text)
        astray += [(path, link) for link in links if not link.startswith("/kg/")]
        assert links
    assert astray == []
    assert f"{PUBLIC}/kg/id/practice/repair-cafe" in client.get("/sitemap.xml", headers=own).text


def test_cookies_are_secure_where_readers_come_by_tls(changed: Any, token: str) -> None:  # noqa: ANN401
    question = "/?q=old+people+in+villages&mode=similar"

    def cookies(app: Flask, headers: dict[str, str]) -> list[str]:
        client = app.test_client()
        base = {"REMOTE_ADDR": "10.0.0.1"}
        answers = [
            client.get(path, headers=headers | HTML, environ_base=base)
            for path in (question, "/?ui=de")
        ]
        sent = {"data": {"token": token}, "headers": headers, "environ_base": base}
        answers.append(client.post("/contribute/sign-in", **sent))
        return [cookie for a in answers for cookie in a.headers.getlist("Set-Cookie")]

    plain = cookies(changed(), {})
    public = cookies(changed(public_url=PUBLIC), {"Host": "social.example"})
    behind = cookies(
        changed(public_url=None, proxies=(ipaddress.ip_network("10.0.0.1"),)),
        {"X-Forwarded-Proto": "https"},
    )
    assert len(plain) == len(public) == len(behind) == 3
    assert not any("Secure" in cookie for cookie in plain)
    assert all("Secure" in cookie for cookie in public + behind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "social.example"),
        ("PUBLIC_URL", "ftp://social.example"),
        ("PUBLIC_URL", "https://social.example/?a"),
        ("PUBLIC_URL", "https://user@social.example"),
        ("PUBLIC_URL", "https://social.example/#a"),
        ("PROXIES", "10.0.0.0/8, proxy.example"),
        ("PROXIES", "10.0.0.0/33"),
    ],
)
def test_a_bad_address_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(f"PASSERELLE_{name}")):
        read({f"PASSERELLE_{name}": value})


def test_addresses_are_read() -> None:
    settings = read(
        {
            "PASSERELLE_PUBLIC_URL": "https://Social.example:8443/kg/",
            "PASSERELLE_HOSTS": "A.example b.example,c",
            "PASSERELLE_PROXIES": "10.1.2.3/8, ::1",
        }
    )
    assert settings.public_url == "https://Social.example:8443/kg"
    assert settings.address == "https://Social.example:8443/kg/"
    assert settings.hosts == ("a.example", "b.example", "c")
    assert [str(network) for network in settings.proxies] == ["10.0.0.0/8", "::1/128"]
    assert settings.serves("social.example:8443")
    assert read({}).address == "http://127.0.0.1:8000/"
    assert replace(read({}), host="::1", port=9).address == "http://[::1]:9/"
