"""Addresses: where a request comes from, and whether a key may be used from there.

Decides when two ways to write an address mean the same. Invariant: an IPv4 address inside IPv6
(``::ffff:10.0.0.1``, as a dual-stack socket reports it) is that IPv4 address everywhere.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NEIGHBOURHOOD_BITS: Final = 64
"""What one customer gets of IPv6: whoever has one address of it has all."""


def read_address(text: str) -> Address | None:
    """The address, or nothing for a text that is none, as of a local socket."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))  # without the interface it came in by
    return found


def read_network(text: str) -> Network | str:
    """The addresses that a text names, or what is wrong with it."""
    if "%" in text:
        return "An interface cannot be part of it."
    try:
        found = ip_network(text)
    except ValueError as error:
        return f"{error}."
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        low = int(found.network_address) & 0xFFFF_FFFF
        return IPv4Network((low, found.prefixlen - _MAPPED.prefixlen))
    return found


def inside(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address is in one of them; a text that is no address is in none."""
    found = read_address(address)
    return found is not None and any(found in network for network in networks)


def neighbourhood(address: str) -> str:
    """What failures are counted against: the address, or for IPv6 the network around it."""
    found = read_address(address)
    if found is None:
        return address[:64]
    if isinstance(found, IPv6Address):
        return str(IPv6Network((found, _NEIGHBOURHOOD_BITS), strict=False))
    return str(found)
