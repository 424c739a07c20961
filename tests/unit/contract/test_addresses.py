"""Which address a client is held by."""

import pytest

from contract.addresses import client_address, grpc_address


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "hops", "expected"),
    [
        ("10.0.0.9", "1.2.3.4", 0, "10.0.0.9"),
        ("10.0.0.9", "1.2.3.4", 1, "1.2.3.4"),
        ("10.0.0.9", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),
        ("10.0.0.9", "6.6.6.6, 1.2.3.4, 10.0.0.8", 2, "1.2.3.4"),
        ("10.0.0.9", "1.2.3.4", 2, "1.2.3.4"),
        ("10.0.0.9", "", 1, "10.0.0.9"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("::ffff:1.2.3.4", "", 0, "1.2.3.4"),
        ("unix", "", 0, "unix"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded_for: str, hops: int, expected: str) -> None:
    """Counted from the right: what stands further left, anybody can write."""
    assert client_address(peer, forwarded_for, hops) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [("ipv4:10.0.0.1:4711", "10.0.0.1"), ("ipv6:[::1]:4711", "::1"), ("ipv6:%5B::1%5D:4711", "::1"), ("unix:", "unix:")],
)
def test_grpc_names_of_peers_are_read(peer: str, expected: str) -> None:
    """With and without escapes, as releases of gRPC differ."""
    assert grpc_address(peer) == expected
