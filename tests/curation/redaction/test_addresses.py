import ipaddress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.curation.redaction.addresses import find_addresses
from tests.curation.redaction.found import found, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("93.184.216.34", ["93.184.216.34"]),
        ("http://93.184.216.34:8080/x", ["93.184.216.34"]),
        ("93.184.216.34/24, [93.184.216.35]", ["93.184.216.34", "93.184.216.35"]),
        ("It is 93.184.216.34.", ["93.184.216.34"]),
        ("93.184.216.34-93.184.216.40", ["93.184.216.34", "93.184.216.40"]),
        ("root@93.184.216.34", ["93.184.216.34"]),
        ("地址93.184.216.34。", ["93.184.216.34"]),
        ("::ffff:93.184.216.34", ["93.184.216.34"]),
        ("server 5.6.7.8", ["5.6.7.8"]),
        ("5.6.7.8 is the host", ["5.6.7.8"]),
        ("2a00:1450:4001:82a::200e.", ["2a00:1450:4001:82a::200e"]),
        ("[2606:2800:220:1:248:1893:25c8:1946]:443", ["2606:2800:220:1:248:1893:25c8:1946"]),
        ("64 bytes from 2A00::1: icmp_seq", ["2A00::1"]),
        ("2a00:1:: 2a00:1::/32", ["2a00:1::", "2a00:1::"]),
    ],
)
def test_public_addresses_are_found_without_port_and_prefix(text, expected):
    assert values(find_addresses, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "v93.184.216.34",
        "foo-93.184.216.34",
        "93.184.216.34-beta",
        "93.184.216.34-1",
        "93.184.216.34+dfsg",
        "93.184.216.34.tar.gz",
        "34.216.184.93.in-addr.arpa",
        "foo==93.184.216.34",
        "^93.184.216.34",
        "version 93.184.216.34",
        'AssemblyVersion("93.184.216.34")',
        "see Section 12.14.216.34",
        "1.2.3.4",
        "12.0.3.14",
        "093.184.216.34",
        "93.184.216.256",
        "93.184.216",
        "93.184.216.34.1",
        "1.3.6.1.4.1.311",
        "2020.01.02",
        "_93.184.216.34",
        "std::dec a::b Face::add 12:30:45",
        "2020:01:02",
        "2000::/3",
        "x2a00::1",
        "2a00::1g",
        "2a00:1:2:3:4:5:6",
        "2a00:1:2:3:4:5:6:7:8",
        "2a00::1::2",
        "2001:db8::1 3fff:1::1",
    ],
)
def test_versions_and_other_numbers_stay(text):
    assert values(find_addresses, text) == []


@pytest.mark.parametrize("text", ["8.8.8.8", "1.0.0.1", "208.67.222.222", "2001:4860:4860::8888", "2620:fe:0:0:0:0:0:fe"])
def test_known_resolvers_stay(text):
    assert values(find_addresses, f"server {text}") == []


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_found_if_it_is_public_by_pythons_tables(address):
    # Newer Pythons except single addresses of this range, as the registry does.
    assume(address not in ipaddress.IPv4Network("192.0.0.0/24"))
    resolvers = {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"}
    is_public = address.is_global and not address.is_multicast and str(address) not in resolvers
    assert found(find_addresses, f"host {address}\n") == ([("ipv4", str(address))] if is_public else [])


@given(st.integers(0x20020000, 0x3FFEFFFF), st.integers(0, 2**96 - 1) | st.sampled_from([0, 1, 1 << 32, 1 << 64]), st.booleans())
def test_every_global_ipv6_address_is_found_in_any_spelling(high, low, is_long):
    address = ipaddress.IPv6Address(high << 96 | low)
    text = address.exploded if is_long else str(address)
    assume(not text.startswith(("2001:", "2606:4700:4700:", "2620:")))
    assume(text.count(":") > 2 or text[-1] != ":")  # a prefix of one group
    assert found(find_addresses, f"({text})") == [("ipv6", text)]


@given(st.text(st.sampled_from("0123456789abf:. -x\n"), max_size=60))
def test_what_is_found_is_an_address(text):
    for kind, value in found(find_addresses, text):
        assert ipaddress.ip_address(value).version == int(kind[-1])
