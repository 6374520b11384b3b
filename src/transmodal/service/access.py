"""Access: hosts by which the service is called, sites that a request comes from, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from transmodal.service import entrance
from transmodal.service.refusals import no_access
from transmodal.service.settings import Settings, is_loopback

OPEN_PATHS = frozenset({"/health"})
"""Paths that need no token."""
TICKET_PATH = "/view/"
"""Paths below need none either: a ticket of 192 random bits stands in them."""

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?P<port>:[0-9]{1,5})?")
_OWN_SITES = frozenset({"", "none", "same-origin"})


def check(settings: Settings, path: str, headers: Mapping[str, str]) -> None:
    """Refuse a request that is not for this service, comes from another site, or lacks the token.

    Args:
        settings: of the service.
        path: that is asked for.
        headers: by name in small letters.

    Raises:
        Refusal: 421 for another host, 403 for another site, 401 without the token.
    """
    _check_host(settings, headers.get("host", ""))
    _check_site(headers)
    is_open = path in OPEN_PATHS or path.startswith(TICKET_PATH) or entrance.is_asked_for(path, headers)
    if settings.token and not is_open:
        _check_token(settings.token, headers.get("authorization", ""))


def _check_host(settings: Settings, header: str) -> None:
    """Refuse another host's name: that of a foreign site can be made to point here (DNS rebinding)."""
    match = _HOST.fullmatch(header)
    name = match["name"].strip("[]").lower() if match else ""
    if name in {word.lower() for word in settings.names}:
        return
    # Names can be made to point anywhere, addresses cannot.
    if not is_loopback(name) and (is_loopback(settings.host) or not _is_address(name)):
        raise no_access(
            "a Host header that names another host",
            "the address that the service listens at",
            "Call it by that address, or start it with --allow-host NAME.",
            421,
        )


def _check_site(headers: Mapping[str, str]) -> None:
    """Refuse what a page of another site makes a browser send."""
    origin = headers.get("origin", "")
    if origin and _host_of(origin) != headers.get("host", "").lower():
        raise no_access(
            "a request from a page of another site",
            "one from a program, or from the service's own page",
            "Call it from a program.",
        )
    if headers.get("sec-fetch-site", "") not in _OWN_SITES:
        raise no_access(
            "a request that another site made a browser send",
            "one from a program, or from the service's own page",
            "Open the address by hand.",
        )


def _host_of(origin: str) -> str:
    """Return the host and port of an origin in small letters; empty for what is none, such as `null`."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _check_token(token: str, header: str) -> None:
    kind, _, word = header.partition(" ")
    # Compared whole in any case: how long it takes says nothing of the token.
    is_equal = hmac.compare_digest(word.strip().encode("latin-1", "replace"), token.encode())
    if kind.lower() != "bearer" or not is_equal:
        raise no_access(
            "a request without the token, or with another",
            "the header Authorization: Bearer TOKEN",
            "Take the token from the file that the service was started with, or from the lines that it printed.",
            401,
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
