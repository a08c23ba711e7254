"""What an installation may set, read once from the environment.

Not by pydantic-settings: its import takes longer than ``--help`` in all, its messages are others,
and every ``Settings(...)`` made in code would read the environment too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kg.stores.remote.http import Address
from service.core.proxies import Network

MIB = 1024**2
DEFAULT_BASE = "https://passerelle.example/"
_ENGINE = ("PASSERELLE_SPARQL_QUERY", "PASSERELLE_SPARQL_UPDATE", "PASSERELLE_SPARQL_GSP")
_ROLES = ("contributor", "curator", "administrator")
_PATH = r"[^\s<>\"{}|\\^`?#]"
_ADDRESS = (r"https?://[^\s<>\"{}|\\^`]+", "an http or https address")
#: variable -> what its whole text must match, and what to write instead
_TEXTS = {
    "PASSERELLE_BASE": (
        rf"https?://{_PATH[:-1]}/]+(/{_PATH}*)?",
        "an http or https address without ? and #",
    ),
    "PASSERELLE_PUBLIC_URL": (
        rf"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{{1,5}})?(/{_PATH}*)?",
        "the address that readers use, such as https://passerelle.example",
    ),
    "PASSERELLE_CONTACT": (
        r"(mailto:[^\s@]+@|https?://)[^\s<>\"]+",
        "a mailto:, http: or https: address",
    ),
    "PASSERELLE_SPARQL_AUTH": (r"basic|digest", "basic or digest"),
    "PASSERELLE_FLUSH": (r"each|1s", "each or 1s"),
    "PASSERELLE_STARTER": (r"on|off", "on or off"),
    "PASSERELLE_REQUIRE_IF_MATCH": (r"on|off", "on or off"),
    "PASSERELLE_METRICS": (r"public|private", "public or private"),
    "PASSERELLE_OIDC_ISSUER": _ADDRESS,
    **dict.fromkeys(_ENGINE, _ADDRESS),
}
#: field -> environment variable, smallest and largest value; whole where the smallest is
_NUMBERS: dict[str, tuple[str, float, float]] = {
    "port": ("PORT", 0, 65_535),
    "sparql_seconds": ("PASSERELLE_SPARQL_SECONDS", 0.1, 3_600),
    "sparql_memory": ("PASSERELLE_SPARQL_MEMORY", 64 * MIB, 2**50),
    "sparql_rows": ("PASSERELLE_SPARQL_ROWS", 1, 10**9),
    "sparql_bytes": ("PASSERELLE_SPARQL_BYTES", 1_024, 2**40),
    "sparql_concurrent": ("PASSERELLE_SPARQL_CONCURRENT", 1, 256),
    "sparql_queue": ("PASSERELLE_SPARQL_QUEUE", 0, 10_000),
    "rate": ("PASSERELLE_RATE", 0.01, 10**6),
    "burst": ("PASSERELLE_BURST", 1, 10**6),
    "body": ("PASSERELLE_BODY", 1_024, 2**30),
}


class BadSetting(Exception):
    """A value of the environment cannot be used; the text is one sentence for a person."""


@dataclass(frozen=True)
class ClaimRule:
    """What a value of a claim gives: a role under an organisation's label, and its scope."""

    claim: str
    value: str
    role: str
    label: str
    scope: tuple[str, ...]


@dataclass(frozen=True)
class Provider:
    """An identity provider (OpenID Connect): its issuer, what it knows us by, and who may what."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    rules: tuple[ClaimRule, ...] = ()


@dataclass(frozen=True)
class Settings:
    """Where things are and how much a client may use; sizes in bytes, times in seconds.

    ``rate`` is requests a second and client, after a first ``burst``; ``contact`` is where
    readers report mistakes; ``engine`` is used in the place of the embedded store; ``weights``
    is a file of what the criteria count for; ``reranker`` is a cross-encoder for the short list.
    ``public_url`` is the address that readers use, without a slash at its end; ``hosts`` are
    further names to be asked by; ``proxies`` may say whom they ask for. ``database`` is where the
    ledger is, a file in the home where it is None; ``flush`` whether every write is on the disk
    before it is answered; ``starter`` whether the starter graph is brought; ``if_match`` whether
    a write must say which version it saw; ``metrics`` whether everybody reads them; ``oidc`` where
    people of organisations sign in.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    hosts: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()
    base: str = DEFAULT_BASE
    model: str = "default"
    reranker: str | None = None
    sparql_seconds: float = 10.0
    sparql_memory: int = 1024 * MIB
    sparql_rows: int = 100_000
    sparql_bytes: int = 64 * MIB
    sparql_concurrent: int = 4
    sparql_queue: int = 32
    rate: float = 50.0
    burst: int = 200
    body: int = 10 * MIB
    contact: str | None = None
    engine: Address | None = None
    weights: Path | None = None
    database: str | None = None
    flush: bool = True
    starter: bool = True
    if_match: bool = True
    metrics: bool = False
    oidc: Provider | None = None

    @property
    def address(self) -> str:
        """The address that data states: the public one, else that of the start."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.public_url or f'http://{host}:{self.port}'}/"

    def serves(self, host: str) -> bool:
        """Whether a request may name this host; any may while there is no public address."""
        if self.public_url is None:
            return True
        scheme, netloc = urlsplit(self.public_url)[:2]
        default = ":443" if scheme == "https" else ":80"
        name, own = host.lower(), netloc.lower().removesuffix(default)
        without_port = re.sub(r":\d*\Z", "", name)
        return name.removesuffix(default) == own or not {name, without_port}.isdisjoint(self.hosts)


def read(environment: Mapping[str, str], home: Path | None = None) -> Settings:
    """Read an environment; raises BadSetting for a value that cannot be.

    An empty variable counts as absent. ``home`` goes before PASSERELLE_HOME.
    """
    known = {name: value for name, value in environment.items() if value}
    numbers = {}
    for setting, (name, low, high) in _NUMBERS.items():
        if text := known.get(name):
            try:
                value = int(text) if isinstance(low, int) else float(text)
            except ValueError as error:
                raise BadSetting(f"{name} is {text!r}; write a number.") from error
            if not low <= value <= high:
                raise BadSetting(f"{name} is {text}; write a number from {low:g} to {high:g}.")
            numbers[setting] = value
    base = (_text(known, "PASSERELLE_BASE") or DEFAULT_BASE).removesuffix("/") + "/"
    public_url = _text(known, "PASSERELLE_PUBLIC_URL").rstrip("/") or None
    proxies = []
    for text in _names(known, "PASSERELLE_PROXIES"):
        try:
            proxies.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise BadSetting(
                f"PASSERELLE_PROXIES names {text!r}; write addresses or ranges such as 10.0.0.0/8."
            ) from error
    data = f"{known.get('XDG_DATA_HOME', '~/.local/share')}/passerelle"
    weights = known.get("PASSERELLE_WEIGHTS")
    return Settings(
        home=(home or Path(known.get("PASSERELLE_HOME", data))).expanduser().absolute(),
        base=base,
        public_url=public_url,
        hosts=tuple(name.lower() for name in _names(known, "PASSERELLE_HOSTS")),
        proxies=tuple(proxies),
        model=known.get("PASSERELLE_MODEL", "default"),
        reranker=known.get("PASSERELLE_RERANKER"),
        contact=_text(known, "PASSERELLE_CONTACT") or None,
        engine=_engine(known),
        weights=Path(weights) if weights else None,
        database=known.get("PASSERELLE_DATABASE"),
        flush=_text(known, "PASSERELLE_FLUSH") != "1s",
        starter=_text(known, "PASSERELLE_STARTER") != "off",
        metrics=_text(known, "PASSERELLE_METRICS") == "public",
        oidc=_provider(known),
        if_match=_text(known, "PASSERELLE_REQUIRE_IF_MATCH") != "off",
        **numbers,  # type: ignore[arg-type]
    )


def _text(known: Mapping[str, str], name: str) -> str:
    """Check a variable of _TEXTS; the empty text where it is absent."""
    pattern, advice = _TEXTS[name]
    text = known.get(name, "")
    if text and not re.fullmatch(pattern, text):
        raise BadSetting(f"{name} is {text!r}; write {advice}.")
    return text


def _names(known: Mapping[str, str], name: str) -> list[str]:
    """Split a variable at commas and spaces."""
    return [part for part in re.split(r"[\s,]+", known.get(name, "")) if part]


def _engine(known: Mapping[str, str]) -> Address | None:
    """The engine in the place of the embedded store, None where no variable names one."""
    if known.keys().isdisjoint(_ENGINE):
        return None
    if not known.keys() >= set(_ENGINE):
        raise BadSetting(
            "PASSERELLE_SPARQL_QUERY, _UPDATE and _GSP belong together; set all three or none."
        )
    query, update, gsp = (_text(known, name) for name in _ENGINE)
    digest = _text(known, "PASSERELLE_SPARQL_AUTH") == "digest"
    user, token = known.get("PASSERELLE_SPARQL_USER"), known.get("PASSERELLE_SPARQL_TOKEN")
    if user and token:
        raise BadSetting("Set PASSERELLE_SPARQL_USER or PASSERELLE_SPARQL_TOKEN, not both.")
    return Address(query, update, gsp, user, known.get("PASSERELLE_SPARQL_PASSWORD"), digest, token)


def _provider(known: Mapping[str, str]) -> Provider | None:
    """The identity provider, None where no variable names one."""
    issuer = _text(known, "PASSERELLE_OIDC_ISSUER")
    client = known.get("PASSERELLE_OIDC_CLIENT_ID")
    secret = known.get("PASSERELLE_OIDC_CLIENT_SECRET")
    if not issuer:
        return None
    if not client or not secret:
        raise BadSetting(
            "PASSERELLE_OIDC_ISSUER, _CLIENT_ID and _CLIENT_SECRET belong together; set all three."
        )
    rules = []
    for text in filter(None, map(str.strip, known.get("PASSERELLE_OIDC_ROLES", "").split(";"))):
        condition, *rest = text.split()  # such as groups=si-centre curator si-centre SI
        claim, equals, value = condition.partition("=")
        if not (claim and equals and value) or len(rest) < 2 or rest[0] not in _ROLES:
            raise BadSetting(
                f"PASSERELLE_OIDC_ROLES has {text!r}; write rules such as"
                " groups=si-centre curator si-centre SI, with ; between them."
            )
        rules.append(ClaimRule(claim, value, rest[0], rest[1], tuple(rest[2:])))
    return Provider(issuer.rstrip("/"), client, secret, tuple(rules))
