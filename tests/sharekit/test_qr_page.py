"""The QR code of a post's link, shown or downloaded."""

from __future__ import annotations

import pytest

from contentflow.links import services as links
from contentflow.sharekit.qr import qr_png, qr_svg


def test_the_qr_code_is_of_the_qr_channels_own_link(alice_client, alices_post):
    url = links.link_url(links.links_of(alices_post.id)["qr"])

    answer = alice_client.get(f"/byop/qr?id={alices_post.id}")

    assert answer.get_data() == qr_svg(url)
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith('inline; filename="contentflow-qr-')


def test_a_png_of_another_channel_can_be_downloaded(alice_client, alices_post):
    url = links.link_url(links.links_of(alices_post.id)["x"])

    answer = alice_client.get(f"/byop/qr?id={alices_post.id}&ch=x&format=png&download=1")

    assert answer.get_data() == qr_png(url)
    assert answer.mimetype == "image/png"
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment;") and disposition.endswith('.png"')


@pytest.mark.parametrize("query", ["&ch=sms", "&ch=", "&format=gif", "&format=", "&ch=direct"])
def test_an_unknown_channel_or_format_is_refused(alice_client, alices_post, query):
    assert alice_client.get(f"/byop/qr?id={alices_post.id}{query}").status_code == 422


def test_bob_gets_no_qr_code_of_alices_post(bob_client, alices_post):
    assert bob_client.get(f"/byop/qr?id={alices_post.id}").status_code == 404
