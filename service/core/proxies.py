"""Who sends a request, and to which address: what trusted proxies say, and nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: where the environment of a request keeps the name by which the client knows the service
HOST_NAMED = "passerelle.host"
_FORWARDED = "HTTP_X_FORWARDED_"
#: letters of an address with brackets, zone and port
_LONGEST = 80


class Proxies:
    """The networks of proxies that may say whom they ask for."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks

    def trusts(self, peer: str) -> bool:
        """Whether an address is one of a trusted proxy."""
        address = _address(peer)
        return address is not None and any(address in network for network in self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """Find the rightmost hop of ``X-Forwarded-For`` that is no trusted proxy.

        The peer itself where it is none; the first hop where all of them are.
        """
        named = [hop for part in forwarded_for.split(",") if (hop := part.strip())]
        hops = [peer, *reversed(named)]
        client = next((hop for hop in hops if not self.trusts(hop)), hops[-1])
        return str(_address(client) or client[:64])


def household(client: str) -> str:
    """Name a client as limits count it: of IPv6 the 64 bits that one customer is given."""
    address = _address(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return client


class ProxyMiddleware:
    """Shows the application every request under the address that the service states itself.

    What the ``Host`` header names is kept in the environment as HOST_NAMED, so that nothing made
    from a request's address can repeat it. What trusted proxies forward is taken over, whatever
    else was forwarded is forgotten.
    """

    def __init__(
        self, app: WSGIApplication, proxies: Proxies, address: str, *, public: bool
    ) -> None:
        self._app, self._proxies, self._public = app, proxies, public
        self._scheme, self._host, self._prefix = urlsplit(address.rstrip("/"))[:3]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        peer = environ.get("REMOTE_ADDR", "")
        names = [name for name in environ if name.startswith(_FORWARDED)]
        forwarded = {name.removeprefix(_FORWARDED): environ.pop(name) for name in names}
        environ[HOST_NAMED] = environ.get("HTTP_HOST", "")
        if self._proxies.trusts(peer):
            environ["REMOTE_ADDR"] = self._proxies.client(peer, forwarded.get("FOR", ""))
            # The last proxy is believed about scheme, host and prefix.
            last = {name: value.rpartition(",")[2].strip() for name, value in forwarded.items()}
            if (scheme := last.get("PROTO", "").lower()) in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
            environ[HOST_NAMED] = last.get("HOST") or environ[HOST_NAMED]
            if (prefix := last.get("PREFIX", "").rstrip("/")).startswith("/"):
                environ["SCRIPT_NAME"] = prefix
        environ["HTTP_HOST"] = self._host
        if self._public:
            environ["wsgi.url_scheme"], environ["SCRIPT_NAME"] = self._scheme, self._prefix
        root, path = environ.get("SCRIPT_NAME", ""), environ.get("PATH_INFO", "")
        if root and (path == root or path.startswith(root + "/")):
            environ["PATH_INFO"] = path.removeprefix(root)
        return self._app(environ, start_response)


def _address(text: str) -> _Address | None:
    """Read an address that may carry brackets, a port or a zone; None if it is no address."""
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(4096)
def _read(text: str) -> _Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
