from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from service import create_app
from service.core.door import Door
from service.core.rate_limit import RateLimiter, Window
from service.core.runtime import Runtime


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(10, 3, clock)
    assert [limiter.wait("a") for _ in range(3)] == [0, 0, 0]
    assert limiter.wait("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert limiter.wait("a") == 0
    assert limiter.wait("a") > 0


def test_clients_do_not_share() -> None:
    limiter = RateLimiter(1, 1, Clock())
    assert [limiter.wait(name) for name in "ab"] == [0, 0]


def test_only_the_latest_clients_are_remembered() -> None:
    limiter = RateLimiter(1, 1, Clock(), clients=2)
    for name in "abc":
        limiter.wait(name)
    assert limiter.wait("c") > 0
    assert limiter.wait("a") == 0


def test_looking_takes_nothing() -> None:
    limiter = RateLimiter(1, 1, Clock())
    assert [limiter.wait("a", take=False) for _ in range(3)] == [0, 0, 0]
    assert limiter.wait("a") == 0
    assert limiter.wait("a", take=False) == 1


def test_a_window_never_holds_more_than_its_number() -> None:
    clock = Clock()
    window = Window(3, 60, clock, clients=2)
    assert [window.wait("a") for _ in range(3)] == [0, 0, 0]
    clock.now = 20
    assert window.wait("a") == 40
    assert window.wait("b") == 0
    clock.now = 60
    assert [window.wait("a") for _ in range(3)] == [0, 0, 0]
    assert window.wait("a") == 60
    window.wait("c")
    assert window.wait("b") == 0


@pytest.fixture
def limited(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    settings = runtime.settings
    monkeypatch.setattr(runtime, "settings", type(settings)(settings.home, rate=0.01, burst=2))
    return create_app(runtime).test_client()


def test_too_many_requests_are_told_when_to_come_back(limited: FlaskClient) -> None:
    assert [limited.get("/api/stats").status_code for _ in range(2)] == [200, 200]
    answer = limited.get("/api/stats")
    assert answer.status_code == 429
    assert answer.get_json()["limit"] == "rate"
    assert answer.content_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0


def test_health_and_ready_are_always_answered(limited: FlaskClient) -> None:
    assert {limited.get(p).status_code for p in ["/health", "/ready"] * 3} == {200}


def test_a_write_is_known_by_its_path_behind_a_prefix_too(runtime: Runtime) -> None:
    settings = replace(runtime.settings, public_url="https://social.example/kg")
    door = Door(settings, runtime.tokens)
    for path in ("/kg/api/entries", "/api/entries", "/kg/id/practice/x"):
        assert door.refusal(door.head("POST", path, "198.51.100.7", {})) == "token"
    for path in ("/kg/api/validate", "/kg/sparql"):
        assert door.refusal(door.head("POST", path, "198.51.100.7", {})) is None
