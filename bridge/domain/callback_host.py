"""The host in a Buyer's callback: plain ASCII, or an address in its usual form.

HTTP clients normalise a host before they dial it (full-width digits become digits, `0x7f.1` becomes 127.0.0.1), so a
host that could become another one would pass every check made before. Such hosts are refused.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

LONGEST_HOST: Final = 253  # characters; RFC 1035 with the dots written

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*")


def host_problem(host: str) -> str | None:
    """Say what is wrong with a host (IPv6 addresses without brackets); None if nothing is."""
    if not host.isascii():
        return "the host must be ASCII; write an international name in Punycode (xn--)"
    if len(host) > LONGEST_HOST:
        return f"the host must have at most {LONGEST_HOST} characters"
    if ":" in host:
        return None if _is_ipv6(host) else "the host is not an IPv6 address (without a zone)"
    if not _NAME.fullmatch(host):
        return "the host may have letters, digits, dots and hyphens only"
    if _ends_in_number(host) and not _is_ipv4(host):
        return "the host is a number; write an address as four decimal numbers"
    return None


def _ends_in_number(host: str) -> bool:
    """Tell whether a client may take the host for an IPv4 address (WHATWG URL, 3.5)."""
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False
