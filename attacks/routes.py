"""No attack: print the product's URL map, method and rule of a route a line, as JSON.

python attacks/routes.py      (in the product's environment)
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from typing import NamedTuple

from browser import not_tried

# What anybody may ask for; a route that is not here has to send strangers to the login.
PUBLIC = frozenset(
    {
        "/",
        "/.well-known/security.txt",
        "/clip-mails/<token>",
        "/dev/mailbox",
        "/dev/mailbox/<mail_id>",
        "/dev/mailbox/<mail_id>/mail",
        "/healthz",
        "/l/<code>",
        "/language",
        "/legal",
        "/metrics",
        "/oauth/client-metadata.json",
        "/p/<code>",
        "/p/<code>/<name>",
        "/partner/billing/freeze/<token>",
        "/partner/login",
        "/partner/login/<token>",
        "/partner/login/code",
        "/partner/logout",
        "/postback/<name>",
        "/readyz",
        "/robots.txt",
        "/static/<filename>",
        "/subscribe/<token>",
        "/unsubscribe/<token>",
        "/preferences/<token>",
    }
)
# These carry a proof of their own: a token, a signature.
WITHOUT_FORM = (
    "/postback/", "/webhooks/", "/clip-mails/", "/subscribe/", "/unsubscribe/", "/preferences/",
    "/partner/billing/freeze/",
)  # fmt: skip


class Route(NamedTuple):
    """``rule`` names its variables without their kinds: ``/l/<code>``."""

    method: str
    rule: str

    @property
    def is_public(self) -> bool:
        return self.rule in PUBLIC

    def path(self, **values: str) -> str:
        """Return the path with its variables filled; ``x`` for one that is not given."""
        return re.sub(r"<(\w+)>", lambda found: values.get(found[1], "x"), self.rule)


def routes() -> list[Route]:
    """Return the URL map that ``ATTACK_ROUTES``, a command such as this script, prints."""
    command = os.environ.get("ATTACK_ROUTES")
    if not command:
        not_tried("ATTACK_ROUTES is needed: a command that prints the URL map, such as routes.py")
    told = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Route(*json.loads(line)) for line in told.splitlines()]


def _print() -> None:
    from contentflow import create_app

    for rule in create_app().url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            print(json.dumps([method, re.sub(r"<(?:[^<>]*:)?(\w+)>", r"<\1>", rule.rule)]))


if __name__ == "__main__":
    _print()
