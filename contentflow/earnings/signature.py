"""The signature of a postback: ``t=<unix seconds>,v1=<hex>`` over ``t.METHOD.path.body``. Pure.

HMAC-SHA256 under the network's secret. Several ``v1`` may stand there while a secret is changed.
"""

from __future__ import annotations

import hashlib
import hmac
import re

HEADER = "X-ContentFlow-Signature"
TOLERANCE_SECONDS = 300
_PART = re.compile(r"(t|v1)=([0-9a-fA-F]{1,64})")


def sign(secret: str, at: int, method: str, path: str | bytes, body: bytes) -> str:
    """Return the header's value. For GET the path goes on with ``?`` and the query, byte for byte."""
    return f"t={at},v1={_mac(secret, at, method, path, body)}"


def is_signed(secret: str, header: str, now: int, method: str, path: str | bytes, body: bytes) -> bool:
    """Tell whether the header is whole, made within 300 seconds of ``now``, and by the secret's holder.

    Hex digits may be capitals. The comparison takes the same time however much of it fits.
    """
    parts = [_PART.fullmatch(part.strip()) for part in header[:1_000].split(",")]
    times = [part[2] for part in parts if part and part[1] == "t"]
    given = [part[2].lower() for part in parts if part and part[1] == "v1"]
    if not all(parts) or len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        return False
    at = int(times[0])
    wanted = _mac(secret, at, method, path, body)
    fits = [hmac.compare_digest(wanted, one) for one in given]
    return any(fits) and abs(now - at) <= TOLERANCE_SECONDS


def _mac(secret: str, at: int, method: str, path: str | bytes, body: bytes) -> str:
    place = path if isinstance(path, bytes) else path.encode()
    signed = f"{at}.{method}.".encode() + place + b"." + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
