"""Where a redirect leads, read as browsers read it: https://url.spec.whatwg.org/#url-parsing

Servers send raw UTF-8, Latin-1, blanks, backslashes and half addresses, and every browser follows. What
comes out is plain ASCII and means one thing to every reader; whether one may go there is judged by others.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import idna

from contentflow.core.net import UnreadableUrl, split_url

_PORTS = {"http": "80", "https": "443"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EDGE = "".join(map(chr, range(0x21)))  # Controls and the blank.
_INSIDE = re.compile(r"[\t\n\r]")
_NOT_IN_PATH = re.compile(r"[^!$&-;=@-\[\]_a-z|~%]|%(?![0-9A-Fa-f]{2})")
_NOT_IN_QUERY = re.compile(r"[^!$&(-;=?-~%]|%(?![0-9A-Fa-f]{2})")
_NOT_IN_HOST = re.compile(r"[\x00-\x20#/:<>?@\[\\\]^|%\x7f]")
_DOT, _TWO_DOTS = {".", "%2e"}, {"..", ".%2e", "%2e.", "%2e%2e"}


def resolved(base: str, location: str) -> str:
    """Return the address of a ``Location`` header, of the letters 0 to 255, seen from ``base``.

    The fragment is left out: nobody sends it. Raises ``UnreadableUrl`` for what no browser follows, and
    for addresses with credentials.
    """
    here = split_url(base)
    text = _INSIDE.sub("", _text_of(location).strip(_EDGE)).partition("#")[0]
    named = _SCHEME.match(text)
    scheme = named[1].lower() if named else here.scheme
    if scheme not in _PORTS:
        raise UnreadableUrl
    rest, mark, query = (text[named.end() :] if named else text).partition("?")
    rest = rest.replace("\\", "/")
    if rest.startswith("//") or scheme != here.scheme:
        authority, _, path = rest.lstrip("/").partition("/")
        return _written(scheme, _authority(authority, scheme), f"/{path}", mark + query)
    if not rest and not mark:
        mark, query = ("?", here.query) if here.query else ("", "")
    path = here.path or "/"
    if rest:
        path = rest if rest.startswith("/") else f"{path.rpartition('/')[0]}/{rest}"
    return _written(scheme, _authority(here.netloc, scheme), path, mark + query)


def _text_of(location: str) -> str:
    """Read the header's bytes as UTF-8; where they are none, each byte stands for itself."""
    try:
        raw = location.encode("latin-1")
    except UnicodeEncodeError as error:
        raise UnreadableUrl from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in raw)


def _authority(text: str, scheme: str) -> str:
    host, colon, port = text.rpartition(":") if re.search(r":[0-9]*$", text) else (text, "", "")
    if colon and port.lstrip("0") not in ("", _PORTS[scheme]):
        return f"{_host(host)}:{port.lstrip('0')}"
    return _host(host)


def _host(text: str) -> str:
    if re.fullmatch(r"\[[0-9A-Fa-f:.]+\]", text):
        return text.lower()
    try:
        host = ascii_host(unquote_to_bytes(text).decode())
    except UnicodeError as error:
        raise UnreadableUrl from error
    if not host or _NOT_IN_HOST.search(host):
        raise UnreadableUrl
    return host


def ascii_host(host: str) -> str:
    """Return a host as the name service is asked for it; raises ``UnicodeError`` for what is no name."""
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host.encode("idna").decode("ascii").lower()  # Pictures: the older rules take them.


def origin_of(url: str) -> str:
    """Return ``scheme://host[:port]`` in lower case, without a usual port; "" for what has none."""
    try:
        parts = split_url(url)
        port, host = parts.port, ascii_host(parts.hostname or "")
    except (UnreadableUrl, ValueError):
        return ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


def _written(scheme: str, authority: str, path: str, query: str) -> str:
    kept: list[str] = []
    *steps, last = path.removeprefix("/").split("/")
    for step in [*steps, last]:
        if step.lower() in _TWO_DOTS:
            del kept[-1:]
        elif step.lower() not in _DOT:
            kept.append(step)
    if last.lower() in _DOT | _TWO_DOTS:
        kept.append("")
    path = _NOT_IN_PATH.sub(_escaped, "/" + "/".join(kept))
    return f"{scheme}://{authority}{path}{_NOT_IN_QUERY.sub(_escaped, query)}"


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))
