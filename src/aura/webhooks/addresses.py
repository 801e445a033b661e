"""Which addresses a webhook may reach: none inside the network that AURA runs in."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection

import httpx

from aura.errors import Denied, InvalidRequest, Unavailable

MOST_CHARACTERS = 2_000

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All that is routed of IPv6. What is outside and yet no private network to `ipaddress`: `::127.0.0.1`, `::ffff:0:10.0.0.1`
(RFC 2765), the site-local `fec0::/10`. Source: IANA's registry of the IPv6 address space.
"""
_INSIDE_OTHERS = tuple(ipaddress.ip_network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 ranges that lead to an IPv4 address inside of them (NAT64, 6to4, Teredo): a private one, if its sender likes."""
_SPECIAL = tuple(ipaddress.ip_network(network) for network in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20"))
"""Reserved for protocols, relays and documentation, not all of it known to each Python that AURA runs on."""


def parsed(url: str) -> httpx.URL:
    """`url` as an address that a webhook can have.

    Raises:
        InvalidRequest: it is no http or https address, or holds a user name or password.
    """
    try:
        found = httpx.URL(url) if len(url) <= MOST_CHARACTERS and url.isprintable() else None
    except httpx.InvalidURL:
        found = None
    if found is None or found.scheme not in ("http", "https") or not found.host:
        raise InvalidRequest("a webhook needs an address of the form https://host/path", field="url")
    if found.userinfo:
        raise InvalidRequest("a webhook's address holds no user name or password: check its signature", field="url")
    return found


async def resolve(url: httpx.URL, *, allowed: Collection[str]) -> str:
    """An IP address of the host, which the caller must connect to: a second look-up could say something else.

    Args:
        allowed: hosts that may be anywhere.

    Raises:
        Denied: the host is, or is also, on a loopback, private, link-local or reserved address.
        Unavailable: the name is not known now.
    """
    host = url.host.lower()
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable("the webhook's host name is not known", retry_after_seconds=30.0) from error
    addresses = [str(entry[4][0]) for entry in found]
    if host not in allowed and not all(map(is_public, addresses)):
        raise Denied("the webhook's host is on a private network: AURA_WEBHOOK_PRIVATE_HOSTS can allow it")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _GLOBAL_UNICAST or any(ip in network for network in _INSIDE_OTHERS):
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL)
