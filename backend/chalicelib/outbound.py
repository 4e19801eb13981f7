"""Sending to addresses that users name, without letting them reach what is not public.

A name is resolved once, each of its addresses is checked, and the connection goes to a checked address: what the name
means a moment later changes nothing. Redirects are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chalicelib.errors import Fault, Invalid

LONGEST_URL = 2000
ANSWER_KEPT = 500
PATIENCE = 10.0
"""Seconds for one step (to connect, to answer)."""
LONGEST = 15.0
"""Seconds for all of it, however slowly the other side drips."""
_PORTS = {"http": 80, "https": 443}
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("::/96"))
"""IPv6 networks whose addresses stand for IPv4 ones."""


class NotSent(Exception):
    """Nothing came back; the text says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    text: str


def check_url(url: str, *, allowed: frozenset[str], place: str = "url") -> None:
    """Raises Invalid for what could never be sent to. Names are resolved only when something is sent."""
    if message := _fault_of(url, allowed):
        raise Invalid("The address cannot be sent to.", [Fault(place, message)])


def post(url: str, body: bytes, headers: Mapping[str, str], *, allowed: frozenset[str]) -> Reply:
    """The answer, whatever its status. `allowed` hosts may be private and need no HTTPS. Raises NotSent."""
    if message := _fault_of(url, allowed):
        raise NotSent(f"the address {message}")
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    addresses = _resolve(host, port)
    if host not in allowed and (inner := [each for each in addresses if not is_public(each)]):
        raise NotSent(f"{host} is {inner[0]}, which is not a public address")
    return _exchange(_connect(parts.scheme, host, addresses[0], port), parts, body, headers)


def check_resolved(url: str, *, allowed: frozenset[str]) -> None:
    """Raises NotSent for a name of which an address is not public just now, unless its host is `allowed`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    addresses = _resolve(host, parts.port or _PORTS[parts.scheme])
    if host not in allowed and (inner := [each for each in addresses if not is_public(each)]):
        raise NotSent(f"{host} is {inner[0]}, which is not a public address")


def is_public(address: str) -> bool:
    """Not of this machine, its network, or any other that is not the open internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _TRANSLATED):
            return False
    return ip.is_global and not ip.is_multicast


def _fault_of(url: str, allowed: frozenset[str]) -> str:  # noqa: PLR0911 - a table of faults
    if len(url) > LONGEST_URL or not url.isascii() or any(each <= " " for each in url):
        return f"must be at most {LONGEST_URL} ASCII characters without spaces"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must be a URL, such as https://example.org/hook"
    if parts.scheme not in _PORTS or not host:
        return "must be a URL, such as https://example.org/hook"
    if parts.username is not None or parts.fragment:
        return "must not hold a user or a fragment"
    if host in allowed:
        return ""
    if parts.scheme != "https":
        return "must begin with https://"
    return "" if _may_be_public(host) else "must not be an address of a private network"


def _may_be_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        # A name, which means something only when it is resolved.
        return host != "localhost" and not host.endswith((".localhost", ".local", ".internal"))


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"{host} cannot be resolved") from None
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _connect(scheme: str, host: str, address: str, port: int) -> socket.socket:
    try:
        plain = socket.create_connection((address, port), timeout=PATIENCE)
    except OSError as error:
        raise NotSent(f"{host} cannot be reached: {error}") from None
    if scheme == "http":
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except OSError as error:
        plain.close()
        raise NotSent(f"{host} cannot be trusted: {error}") from None


def _exchange(connected: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Reply:
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = connected
    giving_up = threading.Timer(LONGEST, _hang_up, [connected])
    giving_up.start()
    try:
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(ANSWER_KEPT).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise NotSent(f"no answer came: {error or type(error).__name__}") from None
    finally:
        giving_up.cancel()
        connection.close()


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is closed already.
        return
