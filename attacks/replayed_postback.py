"""A signed sale sent 20 times, with another amount, and unsigned: it counts once.

ATTACK_NETWORK=nova ATTACK_SECRET=… python attacks/replayed_postback.py URL
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request

from browser import not_tried

TIMES = 20


def send(url: str, network: str, secret: str, fields: dict[str, object], late: int = 0) -> tuple[int, str]:
    body, at = json.dumps(fields).encode(), int(time.time()) - late
    path = f"/postback/{network}"
    signed = hmac.new(secret.encode(), f"{at}.POST.{path}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-ContentFlow-Signature": f"t={at},v1={signed}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url + path, body, headers), timeout=10
        ) as response:
            return int(response.status), str(json.load(response)["id"])
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, ""


def main(url: str, network: str, secret: str) -> int:
    sale: dict[str, object] = {
        "transaction": f"A{secrets.token_hex(6)}",
        "type": "sale",
        "click_id": "nobody",
    }
    sale |= {"amount_cents": 900, "currency": "EUR"}
    replays = [send(url, network, secret, sale) for _ in range(TIMES)]
    ids = {found for _, found in replays if found}
    other = send(url, network, secret, {**sale, "amount_cents": 90_000})[0]
    late = send(url, network, secret, {**sale, "transaction": "late"}, late=301)[0]
    forged = send(url, network, "another secret", {**sale, "transaction": "forged"})[0]
    print(
        f"{TIMES} replays: {len(ids)} conversion; another amount {other}; 301 s old {late}; forged {forged}"
    )
    held = {status for status, _ in replays} == {200} and len(ids) == 1
    return int(not held or (other, late, forged) != (409, 401, 401))


if __name__ == "__main__":
    if not os.environ.get("ATTACK_SECRET"):
        not_tried(
            "ATTACK_NETWORK and ATTACK_SECRET are needed: contentflow network add NAME prints the secret"
        )
    sys.exit(main(sys.argv[1].rstrip("/"), os.environ["ATTACK_NETWORK"], os.environ["ATTACK_SECRET"]))
