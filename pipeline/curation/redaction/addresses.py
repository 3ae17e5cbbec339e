"""Public IP addresses, found from a dot between digits and from the first colon of a global IPv6 prefix."""

import ipaddress
from functools import cache

import numpy as np

from pipeline.curation.redaction.spans import IPV4, IPV6, no_spans, pushed
from pipeline.curation.redaction.words import DIGIT, HEX, LOWER, UPPER, WORD, is_in, line_end, line_start, packed_words, speaks_of
from pipeline.kernels import StringBuffers, kernel

# Of IANA's registry of special-purpose addresses: what no host on the Internet has. Multicast and class E are one range.
_NOT_PUBLIC_V4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)  # fmt: skip
# Inside 2000::/3, all of IPv6 that is public: benchmarks, ORCHID, documentation.
_NOT_PUBLIC_V6 = ("2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20")

# Resolvers that everyone names: those which BigCode leaves, and their IPv6 addresses.
_RESOLVERS = (
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "76.76.19.19", "76.223.122.150", "9.9.9.9", "149.112.112.112", "208.67.222.222",
    "208.67.220.220", "8.26.56.26", "8.20.247.20", "94.140.14.14", "94.140.15.15",
    "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111", "2606:4700:4700::1001", "2620:fe::fe", "2620:fe::9",
    "2620:119:35::35", "2620:119:53::53",
)  # fmt: skip

_VERSION_WORDS = packed_words(("version", "release", "revision", "section", "chapter", "figure", "table", "clause", "§"))
_NETWORK_WORDS = packed_words(("dns", "server", "host", "addr", "inet", "ping", "://"))
_CONTEXT_BYTES = 48
_MAX_VERSION_DIGITS = 6

_DOT, _COLON, _DASH, _PLUS, _SLASH = (ord(char) for char in ".:-+/")


def find_addresses(buffers: StringBuffers) -> np.ndarray:
    """Public IPv4 and IPv6 addresses, without port and prefix length; int64 [m, 3].

    Not public: IANA's private, shared, loopback, link-local, documentation, benchmark, multicast and reserved ranges. Known resolvers
    (8.8.8.8) stay too. Four numbers are rather a version if they stand in a word (`v1.2.3.4`, `foo-1.2.3.4`, `1.2.3.4-beta`), after a
    comparison (`>=1.2.3.4`), where the line speaks of a version or a section, or if they have at most six digits (`1.2.10.4`) and the line
    does not speak of a network.
    """
    return _find(*buffers, *_ranges(), _resolvers())


@cache
def _ranges() -> tuple[np.ndarray, np.ndarray]:
    """First and last addresses as numbers: uint32 [n, 2] of IPv4, and of the upper halves of IPv6 uint64 [m, 2]."""
    v4 = [ipaddress.IPv4Network(text) for text in _NOT_PUBLIC_V4]
    v6 = [ipaddress.IPv6Network(text) for text in _NOT_PUBLIC_V6]
    return (
        np.array([[int(net[0]), int(net[-1])] for net in v4], np.uint64),
        np.array([[int(net[0]) >> 64, int(net[-1]) >> 64] for net in v6], np.uint64),
    )


@cache
def _resolvers() -> np.ndarray:
    """uint64 [n, 2], the halves of their numbers."""
    numbers = [int(ipaddress.ip_address(text)) for text in _RESOLVERS]
    return np.array([[number >> 64, number & (2**64 - 1)] for number in numbers], np.uint64)


@kernel
def _find(offsets: np.ndarray, data: np.ndarray, ranges_v4: np.ndarray, ranges_v6: np.ndarray, resolvers: np.ndarray) -> np.ndarray:
    found = no_spans()
    num = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        free = start  # no address starts before this byte
        for i in range(start + 1, end - 1):
            byte = data[i]
            if (byte != _DOT and byte != _COLON) or i < free:
                continue
            if byte == _DOT and is_in(data[i - 1], DIGIT) and is_in(data[i + 1], DIGIT):
                first = last = i
                while first > start and (is_in(data[first - 1], DIGIT) or data[first - 1] == _DOT):
                    first -= 1
                while last < end and (is_in(data[last], DIGIT) or data[last] == _DOT):
                    last += 1
                free = last
                if data[last - 1] == _DOT:
                    last -= 1  # the sentence's
                number = _ipv4_number(data, first, last)
                if number < 0 or _is_special(np.uint64(0), np.uint64(number), ranges_v4, resolvers):
                    continue
                if not _is_version(data, start, first, last, end):
                    found = pushed(found, num, first, last, IPV4)
                    num += 1
            elif byte == _COLON and i - 4 >= start and (data[i - 4] == 50 or data[i - 4] == 51):  # 2, 3
                first = i - 4
                last, high, low = _ipv6_number(data, first, end)
                if last == 0:
                    continue
                free = last
                if not _is_part_of_word(data, start, first, last, end) and not _is_special(high, low, ranges_v6, resolvers):
                    found = pushed(found, num, first, last, IPV6)
                    num += 1
    return found[:num]


@kernel
def _is_special(high: np.uint64, low: np.uint64, ranges: np.ndarray, resolvers: np.ndarray) -> bool:
    """Whether an address is not public, or a known resolver's; the ranges are of `low` in IPv4 (where `high` is 0), else of `high`."""
    number = high if high else low
    for k in range(len(ranges)):
        if ranges[k, 0] <= number <= ranges[k, 1]:
            return True
    for k in range(len(resolvers)):  # noqa: SIM110
        if resolvers[k, 0] == high and resolvers[k, 1] == low:
            return True
    return False


@kernel
def _ipv4_number(data: np.ndarray, start: int, end: int) -> int:
    """The number of data[start:end], which is made of digits and dots; -1 if it is no address."""
    if end - start > 15:
        return -1
    number = part = num_digits = num_dots = 0
    for i in range(start, end + 1):
        if i < end and data[i] != _DOT:
            if num_digits and part == 0:  # a leading zero
                return -1
            part = 10 * part + data[i] - 48
            num_digits += 1
        else:
            if num_digits == 0 or part > 255:
                return -1
            number = number << 8 | part
            num_dots += i < end
            part = num_digits = 0
    return number if num_dots == 3 else -1


@kernel
def _is_version(data: np.ndarray, start: int, first: int, last: int, end: int) -> bool:
    """Whether the four numbers data[first:last] are rather a version or a section."""
    if first > start:
        before = data[first - 1]
        if is_in(before, WORD):
            return True
        if before == _DASH and first - 1 > start and is_in(data[first - 2], LOWER | UPPER):
            return True
        if before == 94 or before == 126:  # ^ ~
            return True
        if before == 61 and first - 1 > start and data[first - 2] in (33, 60, 61, 62, 126):  # != <= == >= ~=
            return True
    if last < end and (is_in(data[last], WORD) or data[last] == _PLUS):
        return True
    if last + 1 < end and (data[last] == _DOT or data[last] == _DASH) and is_in(data[last + 1], WORD):
        return data[last] == _DOT or not _is_range(data, last + 1, end)
    line = line_start(data, first, max(start, first - _CONTEXT_BYTES))
    rest = line_end(data, last, min(end, last + _CONTEXT_BYTES))
    if speaks_of(data, line, first, _NETWORK_WORDS) or speaks_of(data, last, rest, _NETWORK_WORDS):
        return False
    return last - first - 3 <= _MAX_VERSION_DIGITS or speaks_of(data, line, first, _VERSION_WORDS)


@kernel
def _is_range(data: np.ndarray, i: int, end: int) -> bool:
    """Whether another address follows, as in `5.6.7.8-5.6.7.20`."""
    num_dots = 0
    while i < end and (is_in(data[i], DIGIT) or data[i] == _DOT) and num_dots < 4:
        num_dots += data[i] == _DOT
        i += 1
    return num_dots == 3


@kernel
def _ipv6_number(data: np.ndarray, start: int, end: int) -> tuple[int, np.uint64, np.uint64]:
    """The end of the address at `start` and its halves; the end is 0 if there is none, or no more than a prefix of one group."""
    groups = np.zeros(8, np.uint64)
    num = 0
    gap = -1  # the place of "::"
    i = start
    while num < 8:
        group_end = i
        value = np.uint64(0)
        while group_end < end and group_end < i + 4 and is_in(data[group_end], HEX):
            byte = data[group_end]
            value = value << np.uint64(4) | np.uint64(byte - 48 if byte <= 57 else (byte & 0xDF) - 55)
            group_end += 1
        if group_end == i:
            break
        groups[num] = value
        num += 1
        i = group_end
        if i + 1 < end and data[i] == _COLON and data[i + 1] == _COLON and gap < 0:
            gap = num
            i += 2
        elif i + 1 < end and data[i] == _COLON and is_in(data[i + 1], HEX) and num < 8:
            i += 1
        else:
            break
    if num < 2 or (num == 8) != (gap < 0):
        return 0, np.uint64(0), np.uint64(0)
    if gap >= 0:
        for k in range(num - gap):
            groups[7 - k] = groups[num - 1 - k]
        for k in range(gap, 8 - (num - gap)):
            groups[k] = np.uint64(0)
    high = low = np.uint64(0)
    for k in range(4):
        high = high << np.uint64(16) | groups[k]
        low = low << np.uint64(16) | groups[4 + k]
    return i, high, low


@kernel
def _is_part_of_word(data: np.ndarray, start: int, first: int, last: int, end: int) -> bool:
    if first > start and (is_in(data[first - 1], WORD) or data[first - 1] == _COLON or data[first - 1] == _DOT):
        return True
    if last < end and (is_in(data[last], WORD) or (data[last] == _DOT and last + 1 < end and is_in(data[last + 1], WORD))):
        return True
    return last + 1 < end and data[last] == _COLON and (is_in(data[last + 1], WORD) or data[last + 1] == _COLON)
