"""Every verdict and every channel has words for people."""

from __future__ import annotations

from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.links.sentences import channel_name, explain
from contentflow.links.verdicts import Verdict


def test_every_verdict_has_a_sentence(app):
    lines = explain({verdict.value: 1 for verdict in Verdict})

    assert {line.verdict for line in lines} == {verdict.value for verdict in Verdict}
    assert len({line.sentence for line in lines}) == len(lines)


def test_what_pays_comes_first_and_what_never_happened_is_not_said(app):
    lines = explain({"bot": 2})

    assert [(line.verdict, line.hits) for line in lines] == [("valid", 0), ("bot", 2)]


def test_every_channel_has_a_name(app):
    assert all(channel_name(channel) for channel in (*CHANNELS, DIRECT))
