"""Public addresses, and URLs that try to look like one."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.core.net import UnreadableUrl, address_literal, is_public, split_url


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.32.0.1",
        "192.31.196.1",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2a00:1450:4007::200e",
        "2620:4f:8000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
    ],
)
def test_an_address_on_the_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12::1",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "64:ff9b:1::1",
        "::ffff:127.0.0.1",
        "::ffff:0:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2002:808:808::1",
        "2001:0:7f00:1:0:ffff:f7f7:f7f7",
        "2001:0:808:808:0:ffff:80ff:fffe",
        "2001:0:808:808:0:ffff:f7f7:f7f7",
    ],
)
def test_an_address_of_a_closed_network_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses(v=4))
@settings(max_examples=100, deadline=None)
def test_an_address_inside_another_is_judged_by_itself(inside: IPv4Address) -> None:
    number = int(inside)

    wrapped = [
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x64FF9B << 96) | number),
    ]

    assert {is_public(ip) for ip in wrapped} == {is_public(inside)}


@given(st.ip_addresses())
@settings(max_examples=100, deadline=None)
def test_what_python_calls_private_is_never_public(ip: IPv4Address | IPv6Address) -> None:
    assert not (ip.is_private and is_public(ip))


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("0x7f.1", "127.0.0.1"),
        ("0X7F000001", "127.0.0.1"),
        ("0x", "0.0.0.0"),
        ("2130706433", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("①②⑦.⓪.⓪.①", "127.0.0.1"),
        ("１２７。０。０。１", "127.0.0.1"),
        ("127.0.0.\u00ad1", "127.0.0.1"),
        ("8.8.2056", "8.8.8.8"),
        ("::1", "::1"),
        ("::ffff:127.0.0.1", "::ffff:7f00:1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
    ],
)
def test_an_odd_form_is_read_as_a_resolver_reads_it(host: str, meant: str) -> None:
    assert address_literal(host) == ip_address(meant)


@pytest.mark.parametrize(
    "host", ["example.com", "localhost", "1.example", "école.fr", "a_b.fr", "0xg", "dead.beef"]
)
def test_a_name_is_no_literal(host: str) -> None:
    assert address_literal(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "256.1.1.1",
        "1.2.3.4.5",
        "4294967296",
        "0x100000000",
        "08.0.0.1",
        "1..2",
        "a.1",
        "-1.2",
        "1" * 500,
        ":::",
        "::g",
        "1:2",
        "[::1]",
        "a..b",
        "é" * 100,
    ],
)
def test_a_host_that_is_neither_name_nor_address_is_unreadable(host: str) -> None:
    with pytest.raises(UnreadableUrl):
        address_literal(host)


@given(st.text(max_size=40) | st.text(alphabet="0123456789abcdefx.:%[]", max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_host_is_an_address_a_name_or_unreadable(host: str) -> None:
    with suppress(UnreadableUrl):
        address_literal(host)


@given(st.ip_addresses(v=4))
@settings(max_examples=100, deadline=None)
def test_every_spelling_of_an_address_is_the_same_address(ip: IPv4Address) -> None:
    number = int(ip)
    octets = ip.packed

    spellings = [str(ip), str(number), hex(number), f"0{number:o}"]
    spellings += [
        f"{octets[0]}.{number & 0xFFFFFF}",
        ".".join(map(hex, octets)),
        ".".join(f"0{o:o}" for o in octets),
    ]

    assert {address_literal(spelling) for spelling in spellings} == {ip}


@pytest.mark.parametrize(
    "url",
    [
        "http://a b.fr",
        "http://a.fr\\@b.fr",
        "http://a.fr/\n",
        "http://a.fr\t",
        " http://a.fr",
        "http://a\x00.fr",
        "http://a.fr/\u2028",
        "http://a\xa0.fr",
        "http://[::1",
        "http://::1]/",
        "http://a.fr/\ud800",
        "http://[x]/",
    ],
)
def test_a_url_that_readers_read_differently_is_not_split(url: str) -> None:
    with pytest.raises(UnreadableUrl):
        split_url(url)
