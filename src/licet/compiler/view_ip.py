"""`ip(s)` and `cidr(s)`: addresses and networks in their one usual spelling, or absent.

What an address is for comes from the tables below, not from the Python that happens to run: they
follow IANA's special-purpose registries. Grammar: docs/views.md.
"""

from __future__ import annotations

import ipaddress
import re

from .types import BOOL, STRING, Field, IntType, RecordType, Value

IP = RecordType(
    "Ip",
    (
        Field("version", IntType(4, 6)),
        Field("text", STRING),
        Field("public", BOOL),
        Field("private", BOOL),
        Field("loopback", BOOL),
        Field("link_local", BOOL),
        Field("multicast", BOOL),
        Field("unspecified", BOOL),
    ),
)
CIDR = RecordType(
    "Cidr",
    (
        Field("version", IntType(4, 6)),
        Field("text", STRING),
        Field("network", STRING),
        Field("prefix", IntType(0, 128)),
    ),
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")
_IPV6 = re.compile(r"[0-9a-fA-F:]{2,39}")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_PRIVATE = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_LOOPBACK = _networks("127.0.0.0/8", "::1/128")
_LINK_LOCAL = _networks("169.254.0.0/16", "fe80::/10")
_MULTICAST = _networks("224.0.0.0/4", "ff00::/8")
_UNSPECIFIED = _networks("0.0.0.0/32", "::/128")
#: Not for the public internet either: this network, shared, protocol, test, reserved, discard,
#: tunnels into IPv4 (6to4, Teredo), site-local.
_SPECIAL = _networks(
    *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
    *("100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16"),
    "fec0::/10",
)
#: IPv4 in IPv6 clothes: one address with two spellings, so neither `ip` nor `cidr` takes it.
_EMBEDDED = _networks("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")


def _in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == n.version and address in n for n in networks)


def address_of(text: str) -> Address | None:
    """A dotted quad or an IPv6 address without a zone; None for any other spelling."""
    if _IPV4.fullmatch(text):
        return ipaddress.IPv4Address(text)
    if not _IPV6.fullmatch(text):
        return None
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return None
    if _in(address, _EMBEDDED) and not _in(address, _LOOPBACK + _UNSPECIFIED):
        return None
    return address


def ip(text: str) -> dict[str, Value] | None:
    """The IP record of a text, or None."""
    address = address_of(text)
    if address is None:
        return None
    kinds = {
        "private": _in(address, _PRIVATE),
        "loopback": _in(address, _LOOPBACK),
        "link_local": _in(address, _LINK_LOCAL),
        "multicast": _in(address, _MULTICAST),
        "unspecified": _in(address, _UNSPECIFIED),
    }
    public = not any(kinds.values()) and not _in(address, _SPECIAL)
    return {"version": address.version, "text": str(address), "public": public, **kinds}


def network_of(text: str) -> Network | None:
    """`address/prefix` without host bits; None for any other spelling."""
    base, slash, prefix = text.partition("/")
    address = address_of(base)
    if address is None:
        # An IPv6 network may start inside the embedded ranges only at `::`, which address_of takes.
        return None
    if not slash or not _PREFIX.fullmatch(prefix) or int(prefix) > address.max_prefixlen:
        return None
    try:
        return ipaddress.ip_network((address, int(prefix)))
    except ValueError:
        return None


def cidr(text: str) -> dict[str, Value] | None:
    """The CIDR record of a text, or None."""
    network = network_of(text)
    if network is None:
        return None
    return {
        "version": network.version,
        "text": str(network),
        "network": str(network.network_address),
        "prefix": network.prefixlen,
    }


def ip_within(inner: dict[str, Value], outer: str) -> bool:
    """Whether an address is in a network; False where `outer` is not a network."""
    network = network_of(outer)
    address = address_of(str(inner["text"]))
    return network is not None and address is not None and _in(address, (network,))


def cidr_within(inner: dict[str, Value], outer: str) -> bool:
    """Whether every address of a network is in `outer`; False where `outer` is not a network."""
    big, small = network_of(outer), network_of(str(inner["text"]))
    if isinstance(big, ipaddress.IPv4Network) and isinstance(small, ipaddress.IPv4Network):
        return small.subnet_of(big)
    if isinstance(big, ipaddress.IPv6Network) and isinstance(small, ipaddress.IPv6Network):
        return small.subnet_of(big)
    return False


def cidr_overlaps(left: dict[str, Value], right: str) -> bool:
    """Whether two networks have an address in common; False where `right` is not a network."""
    one, other = network_of(str(left["text"])), network_of(right)
    return (
        one is not None
        and other is not None
        and one.version == other.version
        and one.overlaps(other)
    )
