"""Every POST of the URL map, sent by Alice's own browser as a foreign page would: none is taken.

ATTACK_ROUTES=command ATTACK_LOGIN=https://… ATTACK_OTHER_LOGIN=https://… python attacks/forged_forms.py URL
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Mapping
from urllib.parse import urlencode

from browser import Browser, not_tried, partner
from foreign_objects import LEADS, brought, settled
from routes import WITHOUT_FORM, routes

FOREIGN = "https://evil.example"
OF_OPERATORS = "/console/"  # To a partner nothing is there.
URLENCODED = "application/x-www-form-urlencoded"


def forgeries(alice: Browser, foreign_token: str) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Return the token and the headers of each way to forge a form."""
    ours, own = {"Origin": alice.url}, {"csrf_token": alice.token}
    return {
        "no token": ({}, ours),
        "no token, HTMX": ({}, {**ours, "HX-Request": "true"}),
        "empty token": ({"csrf_token": ""}, ours),
        "invented token": ({"csrf_token": "ImludmVudGVkIg.aaaaaa.invented"}, ours),
        "another's token": ({"csrf_token": foreign_token}, ours),
        "invented header": ({}, {**ours, "X-CSRFToken": "invented"}),
        "foreign origin": (own, {"Origin": FOREIGN}),
        "origin that begins like ours": (own, {"Origin": f"{alice.url}.evil.example"}),
        # With our token a null origin is one of our own pages that sends no referrer: the login link's.
        "null origin": ({}, {"Origin": "null"}),
    }


def bodies(fields: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Return the fields in each form that a page may send anywhere without being asked."""
    parts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return (
        (URLENCODED, urlencode(fields).encode()),
        ("multipart/form-data; boundary=b", f"{parts}--b--\r\n".encode()),
        ("text/plain", json.dumps(fields).encode()),
    )


def main(url: str) -> int:
    known, alice, word = routes(), partner(url, "ATTACK_OTHER_LOGIN"), secrets.token_hex(8)
    foreign_token, post = partner(url).token, brought(alice, word)  # Mallory may log in as anybody may.
    if not post:
        not_tried("Alice has no post")
    before, taken, sent = settled(alice), [], 0
    values = {"id": post, "sid": post, "title": "forged", "lang": "en", "ch": "copy", "want": "1"}
    values |= {"emails": "victim@example.org", "consent": "1", "nonce": word, "render": "1"}
    posts = [route for route in known if route.method == "POST" and not route.rule.startswith(WITHOUT_FORM)]
    for route in posts:
        for way, (token, headers) in forgeries(alice, foreign_token).items():
            for kind, body in bodies(values | token):
                sent += 1
                answer = alice.ask("POST", route.path(), body, {**headers, "Content-Type": kind})
                refused = (400, 403, 404) if route.rule.startswith(OF_OPERATORS) else (400, 403)
                if answer.status not in refused:
                    taken.append(f"{way}: {route.rule} {answer.status}")
        if ("GET", route.rule) not in known and alice.get(f"{route.path()}?{urlencode(values)}").status < 400:
            taken.append(f"by GET: {route.rule}")
    after = settled(alice)
    changed = [kind for kind in ("submissions", "share_logs", "links", LEADS) if before[kind] != after[kind]]
    print(
        f"{sent} forged forms to {len(posts)} routes: {len(taken)} taken"
        f"{''.join(f'; {one}' for one in taken)}; changed: {', '.join(changed) or 'nothing'}"
    )
    return int(bool(taken or changed) or not posts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
