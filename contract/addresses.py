"""Which client a request comes from, as far as the proxies in front can be believed."""

import ipaddress
from functools import lru_cache

IPV6_SITE_BITS = 64
REMEMBERED_ADDRESSES = 4096
LONGEST_ADDRESS = 64
"""Longer than any address: what is remembered is bounded, also where a client wrote it."""
GRPC_FAMILIES = ("ipv4:", "ipv6:")


def client_address(peer: str, forwarded_for: str, trusted_hops: int) -> str:
    """Return the address to hold a client by: the peer's, or what the last of `trusted_hops` proxies wrote in X-Forwarded-For.

    What stands further to the left was written by whoever sent the request. IPv6 clients are told apart by their /64: one has all of it.
    """
    if trusted_hops <= 0:
        return _site(peer[:LONGEST_ADDRESS])
    hops = [hop for part in forwarded_for.split(",") if (hop := part.strip())]
    nearest = hops[-trusted_hops] if len(hops) >= trusted_hops else hops[0] if hops else peer
    return _site(nearest[:LONGEST_ADDRESS])


def grpc_address(peer: str) -> str:
    """Return the address in gRPC's name of a peer, such as `ipv4:10.0.0.1:4711` or `ipv6:[::1]:4711`."""
    for family in GRPC_FAMILIES:
        if peer.startswith(family):
            return peer.removeprefix(family).replace("%5B", "[").replace("%5D", "]").rpartition(":")[0].strip("[]")
    return peer


@lru_cache(REMEMBERED_ADDRESSES)
def _site(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, IPV6_SITE_BITS), strict=False).network_address)
