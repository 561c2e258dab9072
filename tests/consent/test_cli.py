from __future__ import annotations

import json

from tests.mailing.letters import share
from tests.mailing.test_retention import command


def test_an_operator_adds_lists_and_removes_a_suppression(app, alice, alices_post) -> None:
    assert command(app, "suppression", "add", "Reader@Example.org") == {"added": True}
    assert command(app, "suppression", "add", "reader@example.org") == {"added": False}
    assert share(alice.id, alices_post.id, "reader@example.org").verdicts == ["unavailable"]

    (entry,) = command(app, "suppression", "list")
    assert entry["cause"] == "operator" and "reader" not in json.dumps(entry)
    assert command(app, "suppression", "remove", "reader@example.org") == {"removed": True}
    assert command(app, "suppression", "list") == []


def test_the_list_names_the_partner_whose_mails_were_stopped(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, "reader@example.org")
    command(app, "suppression", "add", "other@example.org", "--partner", alice.id)
    command(app, "suppression", "add", "third@example.org")

    found = {(one["partner_id"], one["partner_name"]) for one in command(app, "suppression", "list")}
    assert found == {(alice.id, "Alice Martin"), (None, None)}


def test_what_is_no_address_cannot_be_suppressed(app) -> None:
    result = app.test_cli_runner().invoke(args=["suppression", "add", "nobody"])

    assert result.exit_code == 1
    assert "This is not an e" in result.output
