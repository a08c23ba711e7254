"""What an installation may set, read once from the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kg.stores.remote.http import Address
from service.core.proxies import Network

MIB = 1024**2
DEFAULT_BASE = "https://passerelle.example/"
_SPARQL = "PASSERELLE_SPARQL_"
#: field -> environment variable, smallest and largest value
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
class Settings:
    """Where things are and how much a client may use; sizes in bytes, times in seconds.

    ``rate`` is requests a second and client, after a first ``burst``; ``contact`` is where
    readers report mistakes; ``engine`` is used in the place of the embedded store; ``weights``
    is a file of what the criteria count for; ``reranker`` is a cross-encoder for the short list.
    ``public_url`` is the address that readers use, without a slash at its end; ``hosts`` are
    further names to be asked by; ``proxies`` may say whom they ask for.
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

    @property
    def address(self) -> str:
        """Give the address that data states: the public one, else that of the start."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.public_url or f'http://{host}:{self.port}'}/"

    def serves(self, host: str) -> bool:
        """Tell whether a request may name this host; any may while there is no public address."""
        if self.public_url is None:
            return True
        scheme, netloc = urlsplit(self.public_url)[:2]
        default = ":443" if scheme == "https" else ":80"
        name, own = host.lower(), netloc.lower().removesuffix(default)
        known = name.removesuffix(default) == own
        return known or not {name, _without_port(name)}.isdisjoint(self.hosts)


def read(environment: Mapping[str, str], home: Path | None = None) -> Settings:
    """Return the settings of an environment; raises BadSetting for a value that cannot be.

    An empty variable counts as absent. ``home`` goes before PASSERELLE_HOME.
    """
    known = {name: value for name, value in environment.items() if value}
    numbers = {
        field: _number(known[name], name, low, high, whole=field not in {"sparql_seconds", "rate"})
        for field, (name, low, high) in _NUMBERS.items()
        if name in known
    }
    return Settings(
        home=(home or _home(known)).expanduser().absolute(),
        base=_base(known.get("PASSERELLE_BASE", DEFAULT_BASE)),
        public_url=_public_url(known.get("PASSERELLE_PUBLIC_URL")),
        hosts=tuple(name.lower() for name in _names(known.get("PASSERELLE_HOSTS", ""))),
        proxies=tuple(map(_network, _names(known.get("PASSERELLE_PROXIES", "")))),
        model=known.get("PASSERELLE_MODEL", "default"),
        reranker=known.get("PASSERELLE_RERANKER"),
        contact=_contact(known.get("PASSERELLE_CONTACT")),
        engine=_engine({n.removeprefix(_SPARQL): known[n] for n in known if n.startswith(_SPARQL)}),
        weights=Path(known["PASSERELLE_WEIGHTS"]) if "PASSERELLE_WEIGHTS" in known else None,
        **numbers,  # type: ignore[arg-type]
    )


def _home(known: Mapping[str, str]) -> Path:
    if "PASSERELLE_HOME" in known:
        return Path(known["PASSERELLE_HOME"])
    return Path(known.get("XDG_DATA_HOME", "~/.local/share")) / "passerelle"


def _base(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`?#/]+(/[^\s<>\"{}|\\^`?#]*)?", text):
        raise BadSetting(
            f"PASSERELLE_BASE is {text!r}; write an http or https address without ? and #."
        )
    return text if text.endswith("/") else text + "/"


def _public_url(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(
        r"https?://(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?(/[^\s<>\"{}|\\^`?#]*)?", text
    ):
        raise BadSetting(
            f"PASSERELLE_PUBLIC_URL is {text!r}; write the address that readers use, such as"
            " https://passerelle.example."
        )
    return text and text.rstrip("/")


def _names(text: str) -> list[str]:
    """Read a list that is separated by commas or spaces."""
    return [name for name in re.split(r"[\s,]+", text) if name]


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadSetting(
            f"PASSERELLE_PROXIES names {text!r}; write addresses or ranges such as 10.0.0.0/8."
        ) from error


def _without_port(host: str) -> str:
    return re.sub(r":\d*\Z", "", host)


def _contact(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"(mailto:[^\s@]+@|https?://)[^\s<>\"]+", text):
        raise BadSetting(
            f"PASSERELLE_CONTACT is {text!r}; write a mailto:, http: or https: address."
        )
    return text


def _engine(known: Mapping[str, str]) -> Address | None:
    """Return the engine that the variables name, None if they name none."""
    urls = {name: known[name] for name in ("QUERY", "UPDATE", "GSP") if name in known}
    if not urls:
        return None
    if len(urls) < 3:
        raise BadSetting(
            "PASSERELLE_SPARQL_QUERY, _UPDATE and _GSP belong together; set all three or none."
        )
    for name, url in urls.items():
        if not re.fullmatch(r"https?://[^\s<>\"{}|\\^`]+", url):
            raise BadSetting(f"{_SPARQL}{name} is {url!r}; write an http or https address.")
    if (auth := known.get("AUTH", "basic")) not in {"basic", "digest"}:
        raise BadSetting(f"PASSERELLE_SPARQL_AUTH is {auth!r}; write basic or digest.")
    if "USER" in known and "TOKEN" in known:
        raise BadSetting("Set PASSERELLE_SPARQL_USER or PASSERELLE_SPARQL_TOKEN, not both.")
    who = known.get("USER"), known.get("PASSWORD"), auth == "digest", known.get("TOKEN")
    return Address(urls["QUERY"], urls["UPDATE"], urls["GSP"], *who)


def _number(text: str, name: str, low: float, high: float, *, whole: bool) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError as error:
        raise BadSetting(f"{name} is {text!r}; write a number.") from error
    if not low <= value <= high:
        raise BadSetting(f"{name} is {text}; write a number from {low:g} to {high:g}.")
    return value
