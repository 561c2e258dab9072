from __future__ import annotations

import re
from dataclasses import replace

from sqlalchemy import select

from contentflow.consent.models import MailToken, Subscription
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail
from contentflow.mailing.recipients import recipient_hash
from contentflow.sharekit.share_mail import preview_share
from tests.house import run_work
from tests.mailing.letters import WORDS, let_leave, share

READER = "reader@example.org"


def mailed(app, alice, post, **words: str) -> CapturedMail:
    share(alice.id, post.id, READER, **words)
    let_leave()
    run_work(app)
    return db.session.scalars(select(CapturedMail)).one()


def visible(html: str) -> str:
    return re.sub(r"<style.*?</style>|<title.*?</title>|<[^>]+>", " ", html, flags=re.S)


def test_the_disclosure_stands_first_in_both_parts(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post)

    assert mail.text.startswith("Publicité\n")
    assert visible(mail.html).split()[0] == "Publicité"
    assert "#ad" in mail.text and "#ad" in mail.html


def test_the_mail_says_who_shares_what_and_why_one_gets_it(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post)

    assert mail.subject == "Une heure gagnée par jour"
    assert mail.sender == "Alice Martin via ContentFlow <bonjour@share.example.org>"
    for part in (mail.text, visible(mail.html)):
        assert "Alice Martin partage avec vous une offre signée Nova." in part
        assert "Alice Martin atteste que vous avez accepté de recevoir ce message." in part
        assert "Le soir, tout est fait." in part
        assert "Oui, je veux recevoir les suivants" in part
    assert WORDS.url in mail.text and f'href="{WORDS.url}"' in mail.html


def test_its_only_links_are_the_short_link_the_public_page_and_the_two_wishes(
    app, alice, alices_post
) -> None:
    mail = mailed(app, alice, alices_post)

    links = re.findall(r'(?:href|src)="([^"]+)"', mail.html)
    assert [link.rsplit("/", 1)[0] for link in links] == [
        "https://share.example.org/l",
        "https://share.example.org/p",
        "https://share.example.org/subscribe",
        "https://share.example.org/unsubscribe",
    ]
    assert "<img" not in mail.html and "url(" not in mail.html
    assert set(re.findall(r"https?://\S+", mail.text)) == set(links)


def test_one_click_unsubscribe_stands_in_the_headers(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post)

    stop = re.search(r'href="(https://[^"]*/unsubscribe/[^"]+)"', mail.html)
    assert stop is not None
    assert mail.headers == {
        "List-Unsubscribe": f"<{stop[1]}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_only_hashes_of_its_tokens_are_kept(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post)

    tokens = re.findall(r"scribe/([\w-]{43})", mail.html)
    kept = set(db.session.scalars(select(MailToken.token_hash)))
    assert len(set(tokens)) == len(kept) == 2
    assert not kept & set(tokens)


def test_one_who_said_yes_is_not_asked_again(app, alice, alices_post) -> None:
    with transaction():
        reader = recipient_hash(READER)
        db.session.add(Subscription(recipient_hash=reader, partner_id=alice.id, delivery_id="x"))

    mail = mailed(app, alice, alices_post)

    assert "/subscribe/" not in mail.html + mail.text
    assert "parce que vous avez dit oui aux messages partagés par Alice Martin" in mail.text


def test_reply_to_stands_only_where_the_partner_agreed(app, alice, alices_post) -> None:
    assert "Reply-To" not in mailed(app, alice, alices_post).headers


def test_reply_to_is_the_partners_where_they_agreed(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post, reply_to="alice@example.org")

    assert mail.headers["Reply-To"] == "alice@example.org"


def test_a_hostile_name_is_text_in_the_mail_and_a_name_in_its_header(app, alice, alices_post) -> None:
    mail = mailed(app, alice, alices_post, name='<b>Eve</b>" <x@evil.example>\r\nBcc: y@example.org')

    assert "<b>Eve" not in mail.html
    assert (
        mail.sender == "b Eve /b x evil.example Bcc y example.org via ContentFlow <bonjour@share.example.org>"
    )


def test_styles_are_inline_and_dark_mode_and_phones_have_their_rules(app) -> None:
    html = preview_share(WORDS, "fr").html

    assert re.search(r'<td class="button" style="[^"]*#4737D1', html)
    assert "prefers-color-scheme: dark" in html and "max-width: 480px" in html


def test_the_preview_is_the_very_mail_with_links_that_do_nothing(app) -> None:
    preview = preview_share(replace(WORDS, hashtags="#ia #ad"), "fr")

    assert "/unsubscribe/apercu" in preview.html
    assert preview.text.count("#ad") == 1
    assert db.session.scalars(select(MailToken)).all() == []
