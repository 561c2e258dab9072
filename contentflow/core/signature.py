"""The signature of a postback: ``t=<unix seconds>,v1=<hex>`` over ``t.METHOD.path.body``. Pure.

HMAC-SHA256 under the network's secret. Several ``v1`` may stand there while a secret is changed.
"""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "X-ContentFlow-Signature"
TOLERANCE_SECONDS = 300  # Clocks and slow lines differ by less; a replay within it finds its conversion.
_PART = re.compile(r"(t|v1)=([0-9a-fA-F]{1,64})")


def sign(secret: str, signed_at: int, method: str, path: str | bytes, body: bytes) -> str:
    """Return the header's value. For GET the path goes on with ``?`` and the query, byte for byte."""
    return f"t={signed_at},v1={_mac(secret, signed_at, method, path, body)}"


def is_signed(secret: str, header: str, now: int, method: str, path: str | bytes, body: bytes) -> bool:
    """Tell whether the header is whole, made within 300 seconds of ``now``, and by the secret's holder.

    Hex digits may be capitals. The comparison takes the same time however much of it fits.
    """
    read = _read(header)
    if read is None:
        return False
    signed_at, given = read
    wanted = _mac(secret, signed_at, method, path, body)
    fits = [hmac.compare_digest(wanted, one) for one in given]
    return any(fits) and abs(now - signed_at) <= TOLERANCE_SECONDS


def why_not(header: str, now: int) -> str:
    """Return what is wrong with a header that is refused, in words that repeat nothing of it but its age."""
    read = _read(header)
    if not header:
        return "no signature"
    if read is None:
        return "the signature is not t=<unix seconds>,v1=<hex>"
    if abs(now - read[0]) > TOLERANCE_SECONDS:
        return f"signed {abs(now - read[0])} seconds {'ago' if read[0] < now else 'ahead'}"
    return "signed with another secret, or over another method, path or body"


def _read(header: str) -> tuple[int, list[str]] | None:
    """Return when it was signed and its digests; None unless the header is whole."""
    parts = [_PART.fullmatch(part.strip()) for part in header[:1_000].split(",")]
    times = [part[2] for part in parts if part and part[1] == "t"]
    if not all(parts) or len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        return None
    return int(times[0]), [part[2].lower() for part in parts if part and part[1] == "v1"]


def _mac(secret: str, signed_at: int, method: str, path: str | bytes, body: bytes) -> str:
    place = path if isinstance(path, bytes) else path.encode()
    signed = f"{signed_at}.{method}.".encode() + place + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
