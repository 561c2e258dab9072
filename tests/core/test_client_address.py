"""One spelling for every address, and one unknown client for all that is none."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.core.client_address import UNKNOWN, client_address, network_prefix, subscriber_of

V4 = "203.0.113.7"
V6 = "2001:db8::7"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.7", V4),
        ("  203.0.113.7\t", V4),
        ("203.0.113.7:51234", V4),
        ("203.0.113.7:", V4),
        ('"203.0.113.7:51234"', V4),
        ("[203.0.113.7]:443", V4),
        ("::ffff:203.0.113.7", V4),
        ("::ffff:203.0.113.7:51234", V4),
        ("::FFFF:CB00:7107", V4),
        ("[::ffff:203.0.113.7]:51234", V4),
        ("0:0:0:0:0:ffff:203.0.113.7", V4),
        ("64:ff9b::203.0.113.7", V4),
        ("2002:cb00:7107::1", V4),
        ("2001:0:4136:e378:8000:63bf:34ff:8ef8", V4),
        ("2001:db8::7", V6),
        ("2001:DB8:0::7", V6),
        ("2001:0db8:0000:0000:0000:0000:0000:0007", V6),
        ("[2001:db8::7]", V6),
        ("[2001:db8::7]:443", V6),
        ('"[2001:db8::7]:443"', V6),
        ("2001:db8:0:0:0:0:0:7:51234", V6),
        ("2001:db8::7%eth0", V6),
        ("[2001:db8::7%25en0]:443", V6),
        ("fe80::1%1", "fe80::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_every_spelling_of_an_address_is_one_address(written: str, address: str) -> None:
    assert client_address(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "-",
        "unknown",
        "_hidden",
        "unix:",
        "localhost",
        "alice.example.org",
        "203.0.113",
        "203.0.113.256",
        "203.0.113.07",
        "203.0.113.7:x",
        "203.0.113.7:1:2",
        "203.0.113.7 203.0.113.8",
        "203.0.113.7/24",
        "0xcb.0.113.7",
        "3405803783",
        "2001:db8::7::1",
        "[2001:db8::7",
        "2001:db8::7]",
        "[2001:db8::7]:x",
        "[[::1]]",
        "[]:443",
        "%eth0",
        "٢٠٣.0.113.7",
        "203.0.113.7\x00",
        "for=203.0.113.7",
        "'203.0.113.7'",
        "203.0.113.7;proto=https",
    ],
)
def test_garbage_is_one_shared_unknown_client(written: str) -> None:
    assert client_address(written) == UNKNOWN


def test_a_zone_is_any_text_and_makes_nobody_new() -> None:
    assert {client_address(f"fe80::1%{zone}") for zone in ("eth0", "eth1", "x" * 500, "%", "[")} <= {
        "fe80::1",
        UNKNOWN,
    }


@given(st.ip_addresses(v=4), st.integers(0, 65_535))
def test_any_ipv4_address_keeps_itself_whatever_port_and_shape_it_comes_in(
    ip: IPv4Address, port: int
) -> None:
    mapped = f"::ffff:{ip}"

    shapes = [str(ip), f"{ip}:{port}", f" {ip} ", mapped, mapped.upper(), f"[{mapped}]:{port}"]

    assert {client_address(shape) for shape in shapes} == {str(ip)}


@given(st.ip_addresses(v=6), st.integers(0, 65_535))
def test_any_ipv6_address_has_one_spelling_with_and_without_its_port(ip: IPv6Address, port: int) -> None:
    shapes = [
        str(ip),
        ip.exploded,
        ip.exploded.upper(),
        f"[{ip}]:{port}",
        f"{ip}%eth0",
        f"{ip.exploded}:{port}",
    ]

    found = {client_address(shape) for shape in shapes}

    assert len(found) == 1
    assert found != {UNKNOWN}


@given(st.text(max_size=60) | st.text(alphabet='0123456789abcdef.:[]%" ', max_size=60))
def test_whatever_is_written_is_a_canonical_address_or_unknown(written: str) -> None:
    address = client_address(written)

    assert client_address(address) == address
    assert subscriber_of(address)
    assert network_prefix(address)


@pytest.mark.parametrize(
    ("address", "subscriber", "block"),
    [
        ("203.0.113.5", "203.0.113.5", "203.0.113.0/24"),
        ("2001:db8:1:2::5", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_a_subscriber_has_an_ipv4_address_or_a_64_and_a_block_is_a_24_or_a_48(
    address: str, subscriber: str, block: str
) -> None:
    assert (subscriber_of(address), network_prefix(address)) == (subscriber, block)
