"""Bluesky over TLS on port 443, with every protection of the product and of its real server on.

The two are on an internet of their own: see ``bluesky_story.py``. No origin is trusted, nothing of the
server is changed or in its mode for development: the guarded way out, our published document, the assertions
signed with the key in it, pushed requests and proofs with nonces work together, or nothing comes of it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contentflow.config import ROOT
from tests.namespaces import namespaces
from tests.publishing.bluesky_story import ALL_SECONDS, HANDLE, INSIDE, SERVER, SHARE
from tests.publishing.node_process import NODE

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not NODE.is_dir(), reason="tests/publishing/peers/install was not run"),
]

DOCUMENT = "/oauth/client-metadata.json"
CLIENT_ID = f"https://{SHARE}{DOCUMENT}"
Told = dict[str, Any]


def story(folder: Path) -> Told:
    command = [*namespaces(), sys.executable, "-m", "tests.publishing.bluesky_story", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=ALL_SECONDS + 60)
    assert done.returncode == 0, done.stderr[-8_000:]
    told: Told = json.loads(done.stdout)
    return told


def part(token: str, number: int) -> Told:
    """Return the header (0) or the claims (1) of a signed token."""
    text = token.split(".")[number]
    read: Told = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def passed(told: Told, path: str, status: int) -> list[Told]:
    """Return the requests that one server or the other answered so, in their order."""
    return [one for one in told["passed"] if (one["path"], one["status"]) == (path, status)]


def assert_she_came_back_connected(told: Told) -> None:
    connected = told["connected"]
    assert connected["going"].startswith(f"https://{SERVER}/oauth/authorize?")
    assert (connected["state"], connected["handle"]) == ("connected", f"@{HANDLE}")
    assert (connected["host"], connected["remote_id"]) == (SERVER, told["did"])


def assert_the_server_read_who_we_are(told: Told) -> None:
    """It came for our document before it accepted anything, and knew us by the key in it."""
    (read, *_) = passed(told, DOCUMENT, 200)
    assert (read["host"], read["headers"]["User-Agent"]) == (SHARE, "node")
    (pushed,) = passed(told, "/oauth/par", 201)
    assert told["passed"].index(read) < told["passed"].index(pushed)
    (published,) = told["document"]["jwks"]["keys"]
    assert told["document"]["token_endpoint_auth_method"] == "private_key_jwt" and "d" not in published
    calls = [pushed, *passed(told, "/oauth/token", 200), *passed(told, "/oauth/revoke", 200)]
    assert [one["form"].get("grant_type") for one in calls] == [
        None, "authorization_code", "refresh_token", None,
    ]  # fmt: skip
    for call in calls:
        assert call["form"]["client_id"] == CLIENT_ID
        signed = call["form"]["client_assertion"]
        assert part(signed, 0)["kid"] == published["kid"]
        assert part(signed, 1)["aud"] == f"https://{SERVER}"


def assert_every_call_was_proven(told: Told) -> None:
    """With the server's nonce, which it asked for first."""
    assert passed(told, "/oauth/par", 400)[0]["told"]["error"] == "use_dpop_nonce"
    paths = ("/oauth/par", "/oauth/token", "/xrpc/com.atproto.repo.createRecord")
    accepted = [one for path in paths for status in (200, 201) for one in passed(told, path, status)]
    assert len(accepted) == 5
    for one in accepted:
        claims = part(one["headers"]["Dpop"], 1)
        assert claims["nonce"] and claims["htu"] == f"https://{SERVER}{one['path']}"
    assert all(one["headers"]["Authorization"].startswith("DPoP ") for one in accepted[3:])


def assert_each_post_is_there_once(told: Told) -> None:
    for what in ("words", "refreshed"):
        assert (told[what]["state"], told[what]["reason"]) == ("published", None)
        (there,) = told[what]["there"]
        assert there["key"] == told[what]["key"]
    assert told["refreshed"]["sizes"] == [4_012]  # The clip's own bytes.


def assert_the_tokens_turned_and_ended(told: Told) -> None:
    assert told["refreshed"]["turned"] == ["access_token", "refresh_token"]
    assert (told["connected"]["serial"], told["refreshed"]["serial"]) == (0, 1)
    assert told["disconnected"] == {"state": "disconnected", "refused": "invalid_grant"}
    assert passed(told, "/oauth/token", 400)[-1]["told"]["error"] == "invalid_grant"


def assert_nothing_inside_was_called(told: Told) -> None:
    """Whoever is not guarded gets to the same hosts, and is answered."""
    for host, address in INSIDE.items():
        refused = told["refused"][host]
        assert refused["guarded"] == []
        sentence = "Ce serveur ne répond pas : vérifie son nom, ou réessaie plus tard."
        assert sentence in " ".join(refused["page"].split())  # Its blanks may be of any kind.
        assert (refused["status"], refused["unguarded"]) == (200, [address])


def test_a_partner_publishes_on_a_real_server_over_tls_with_every_protection_on(tmp_path: Path) -> None:
    told = story(tmp_path)

    assert_she_came_back_connected(told)
    assert_the_server_read_who_we_are(told)
    assert_every_call_was_proven(told)
    assert_each_post_is_there_once(told)
    assert_the_tokens_turned_and_ended(told)
    assert_nothing_inside_was_called(told)
