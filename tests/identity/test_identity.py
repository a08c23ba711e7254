"""Signing in by OpenID Connect, against a real provider: npm's oidc-provider."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from werkzeug.serving import make_server

from service import create_app
from service.core.runtime import Runtime
from service.core.settings import Settings
from service.core.settings import read as read_settings
from tests.conftest import settled
from tests.engines import free_port
from tests.fake_embedder import HashingEmbedder

pytestmark = pytest.mark.clients
FOLDER = Path(__file__).parent
SECRET = "a-secret-of-enough-letters-to-be-taken"


def needed(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: npm)")
    return found


@contextmanager
def provider(port: int, callback: str) -> Iterator[str]:
    """Run the provider; yields its issuer."""
    version = subprocess.run([needed("node"), "--version"], capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"oidc-provider needs Node 20, this is {version.strip()}")
    if not (FOLDER / "node_modules" / "oidc-provider").exists():
        command = [needed("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=600, capture_output=True)
    command = [needed("node"), "provider.mjs", str(port), callback]
    with subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        assert "ready" in iter(process.stdout.readline, "").__next__()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    home = settled(prepared, tmp_path_factory.mktemp("identity") / "home")
    port, idp = free_port(), free_port()
    environment = {
        "PASSERELLE_HOME": str(home),
        "PORT": str(port),
        "PASSERELLE_OIDC_ISSUER": f"http://127.0.0.1:{idp}",
        "PASSERELLE_OIDC_CLIENT_ID": "passerelle",
        "PASSERELLE_OIDC_CLIENT_SECRET": SECRET,
        "PASSERELLE_OIDC_ROLES": "groups=si-centre curator si-centre SI",
    }
    settings = replace(read_settings(environment), rate=10.0**6, burst=10**6)
    with Runtime(settings, HashingEmbedder()) as runtime:
        assert runtime.wait_ready(60)
        server = make_server("127.0.0.1", port, create_app(runtime), threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield runtime
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture(scope="module")
def idp(service: Runtime) -> Iterator[str]:
    oidc = service.settings.oidc
    assert oidc is not None
    callback = f"{address(service.settings)}/contribute/identity/back"
    with provider(int(oidc.issuer.rsplit(":", 1)[1]), callback) as issuer:
        yield issuer


def address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.port}"


def sign_in(settings: Settings, subject: str) -> tuple[requests.Session, requests.Response]:
    """Go through sign-in as a browser does; what is sent is checked on the way."""
    browser = requests.Session()
    browser.trust_env = False
    first = browser.get(f"{address(settings)}/contribute/identity", allow_redirects=False)
    assert first.status_code == 302, first.text
    for part in ("code_challenge_method=S256", "code_challenge=", "nonce=", "state="):
        assert part in first.headers["Location"]
    answer = browser.get(first.headers["Location"])
    for form in ({"prompt": "login", "login": subject, "password": "x"}, {"prompt": "consent"}):
        action = re.search(r'action="([^"]+)"', answer.text)
        assert action is not None, answer.text
        answer = browser.post(action[1], data=form)
    return browser, answer


def test_a_subject_is_what_its_claims_or_an_administrator_say(service: Runtime, idp: str) -> None:
    settings = service.settings
    browser, answer = sign_in(settings, "si-ana")
    assert answer.status_code == 200, answer.text
    assert "signed in as si-centre" in answer.text
    (account,) = (a for a in [service.accounts.sign_in(idp, {"sub": "si-ana"}, ())] or [None])
    assert account is None  # nothing gives her a role any more: her session is over
    assert "signed in as" not in browser.get(f"{address(settings)}/contribute").text
    _, unknown = sign_in(settings, "bob")
    assert unknown.status_code == 403
    assert "no role here yet" in unknown.text
    service.accounts.tie(idp, "bob", "city-of-split", "curator", countries=("HR",))
    browser, answer = sign_in(settings, "bob")
    assert "signed in as city-of-split" in answer.text
    service.accounts.untie(idp, "bob")
    assert "signed in as" not in browser.get(f"{address(settings)}/contribute").text
    _, gone = sign_in(settings, "bob")
    assert gone.status_code == 403
    events = [line.event for line in service.audit.lines(20)]
    assert events.count("signed in") == 2
    assert events.count("no role") == 2


def test_what_was_forged_or_refused_signs_nobody_in(service: Runtime, idp: str) -> None:
    back = f"{address(service.settings)}/contribute/identity/back"
    browser = requests.Session()
    browser.trust_env = False
    for query in ("", "?code=x&state=forged", "?error=access_denied", "?code=x", "?state=x"):
        answer = browser.get(back + query)
        assert answer.status_code == 403, (query, answer.text)
        assert "Traceback" not in answer.text
    first = browser.get(f"{address(service.settings)}/contribute/identity", allow_redirects=False)
    state = re.search(r"state=([\w-]+)", first.headers["Location"])
    assert state is not None
    answer = browser.get(f"{back}?code=made-up&state={state[1]}")
    assert answer.status_code == 403
    again = browser.get(f"{back}?code=made-up&state={state[1]}")  # a state is good once
    assert again.status_code == 403
    stranger = requests.get(f"{back}?code=x&state={state[1]}", timeout=10)
    assert stranger.status_code == 403


def test_tokens_work_while_the_provider_is_away(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = settled(prepared, tmp_path_factory.mktemp("away") / "home")
    environment = {
        "PASSERELLE_HOME": str(home),
        "PASSERELLE_OIDC_ISSUER": f"http://127.0.0.1:{free_port()}",
        "PASSERELLE_OIDC_CLIENT_ID": "passerelle",
        "PASSERELLE_OIDC_CLIENT_SECRET": SECRET,
    }
    with Runtime(read_settings(environment), HashingEmbedder()) as runtime:
        client = create_app(runtime).test_client()
        assert "account of your organisation" in client.get("/contribute").text
        answer = client.get("/contribute/identity")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        token = runtime.tokens.create("a-centre")
        signed = client.post("/contribute/sign-in", data={"token": token})
        assert signed.status_code == 303


def test_without_a_provider_there_is_no_way_there(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = settled(prepared, tmp_path_factory.mktemp("none") / "home")
    with Runtime(Settings(home=home), HashingEmbedder()) as runtime:
        client = create_app(runtime).test_client()
        assert client.get("/contribute/identity").status_code == 404
        assert "account of your organisation" not in client.get("/contribute").text
