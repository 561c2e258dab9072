"""The clip reaches people: mails and previews carry its picture, if it is approved when they are made."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.mailing.models import CapturedMail
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderResult
from tests.house import post, run_work

AGENT = {"User-Agent": "WhatsApp/2.23"}


@pytest.fixture
def sid(app: Flask, alices_post: Submission, tmp_path: Path) -> str:
    """Alice's post with an approved clip."""
    with transaction():
        asset = db.session.get_one(Asset, alices_post.asset_id)
        asset.has_video, asset.state = True, "ready"
        asset.render_id = asset.approved_render_id = "R" * 22
        asset.result = RenderResult(covers=1, start=0.0)
    folder = tmp_path / "media" / alices_post.asset_id / ("R" * 22)
    folder.mkdir(parents=True)
    for name in ("clip.mp4", "poster-1.jpg", "cover-1.jpg"):
        (folder / name).write_bytes(name.encode())
    return alices_post.id


def page_url(sid: str, channel: str) -> str:
    return f"https://share.example.org/p/{links.links_of(sid)[channel].code}"


def queue(client: FlaskClient, sid: str) -> None:
    fields = {"sid": sid, "emails": "reader@example.net", "consent": "1", "nonce": "n"}
    assert post(client, "/byop/email", fields).status_code == 303


def mail_that_leaves(app: Flask) -> CapturedMail:
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        run_work(app)
    db.session.rollback()
    return db.session.scalars(select(CapturedMail)).one()


def pictures(mail: CapturedMail) -> list[str]:
    return re.findall(r'<img src="([^"]+)"', mail.html)


def test_a_mail_carries_the_clips_picture_which_leads_to_the_public_page(
    app: Flask, alice_client: FlaskClient, client: FlaskClient, sid: str
):
    queue(alice_client, sid)

    mail = mail_that_leaves(app)

    own = page_url(sid, "email")
    [picture] = pictures(mail)
    assert picture.startswith(f"{own}/poster.jpg?v=")
    assert re.search(rf'<a [^>]*href="{own}"[^>]*><img', mail.html)
    assert own in mail.text
    # Readable without pictures: the disclosure and the title stand for it.
    assert 'alt="Publicité · Une heure gagnée par jour"' in html.unescape(mail.html)
    assert f"https://share.example.org/l/{links.links_of(sid)['email'].code}" in mail.html
    shown = client.get(picture.removeprefix("https://share.example.org"))
    assert (shown.status_code, shown.data) == (200, b"poster-1.jpg")
    # A mail read in a browser shows it from a page that is not ours.
    assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_pages_themselves_stay_ours_alone(client: FlaskClient, sid: str):
    page = client.get(page_url(sid, "copy"))

    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_clip_that_is_withdrawn_is_in_no_mail_that_waits(app: Flask, alice_client: FlaskClient, sid: str):
    queue(alice_client, sid)
    assert post(alice_client, "/byop/withdraw", {"sid": sid}).status_code == 303

    mail = mail_that_leaves(app)

    assert pictures(mail) == []
    assert page_url(sid, "email") in mail.html and page_url(sid, "email") in mail.text
    assert "Regarder le clip" not in mail.html + mail.text


def test_a_clip_nobody_approved_is_in_no_mail(app: Flask, alice_client: FlaskClient, sid: str):
    with transaction():
        db.session.scalars(select(Asset)).one().approved_render_id = None
    queue(alice_client, sid)

    assert pictures(mail_that_leaves(app)) == []


def test_the_preview_is_the_mail_with_its_picture(alice_client: FlaskClient, sid: str):
    preview = alice_client.get(f"/byop/email/preview?id={sid}").get_data(as_text=True)

    assert f'<img src="{page_url(sid, "email")}/poster.jpg' in preview


def test_a_card_carries_picture_and_film_of_its_own_code(client: FlaskClient, sid: str):
    own = page_url(sid, "whatsapp")

    card = client.get(f"/l/{links.links_of(sid)['whatsapp'].code}", headers=AGENT).get_data(as_text=True)

    assert re.search(rf'og:image" content="{own}/poster.jpg\?v=', card)
    assert f'og:video" content="{own}/clip.mp4"' in card
    assert 'og:video:type" content="video/mp4"' in card


def test_a_card_without_a_public_clip_names_no_film(alice_client: FlaskClient, client: FlaskClient, sid: str):
    post(alice_client, "/byop/withdraw", {"sid": sid})

    card = client.get(f"/l/{links.links_of(sid)['whatsapp'].code}", headers=AGENT).get_data(as_text=True)

    assert "og:video" not in card and "/poster.jpg" not in card


def test_the_kit_copies_the_link_of_the_public_page(alice_client: FlaskClient, sid: str):
    page = alice_client.get(f"/byop/kit?id={sid}").get_data(as_text=True)

    assert f'data-copy-text="{page_url(sid, "copy")}"' in page


def test_the_button_of_the_public_page_goes_through_the_short_link(client: FlaskClient, sid: str):
    code = links.links_of(sid)["email"].code

    page = client.get(f"/p/{code}").get_data(as_text=True)

    assert f'href="https://share.example.org/l/{code}"' in page
