"""A programme to look at: an operator, three partners, offers, a clip, posts with a month of clicks.

Nothing is added to a database that already has partners, so a second run keeps what was there.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select

from contentflow import demo_clips
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.services import Draft
from contentflow.config import settings
from contentflow.consent.models import Subscription
from contentflow.consent.promises import promise
from contentflow.contacts.judging import Entry, add_entries
from contentflow.conversions import networks
from contentflow.conversions import services as conversions
from contentflow.conversions.models import Conversion, Network
from contentflow.conversions.payload import read_payload
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.mailing.recipients import recipient_hash
from contentflow.offers import services as offers
from contentflow.offers.terms import OfferTerms
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.sharekit.models import ShareLog

ALICE = "alice@example.org"
OFFERS = (
    (
        "Nova IA",
        "Nova",
        "https://nova.example.com/essai?ref={click_id}",
        4000,
        "Un assistant qui range tes notes, prépare tes mails et résume tes réunions. Essai de 14 jours.",
        "Dis ce que tu fais vraiment avec. Pas de promesse de revenus, pas de comparaison nommée.",
    ),
    (
        "Carnet",
        "Papier & Co",
        "https://carnet.example.com/?utm_source={channel}&c={click_id}",
        3000,
        "Un carnet pointé de 200 pages, relié à Angers, qui s’ouvre à plat.",
        "",
    ),
    (
        "Studio Son",
        "Studio Son",
        "https://son.example.com/bienvenue?partner={partner_id}&c={click_id}",
        2500,
        "Des micros et des casques reconditionnés, garantis deux ans.",
        "",
    ),
)
COMMISSIONS = {"Nova IA": 1_000, "Carnet": 800}  # basis points of a sale; of the third nobody knows
POSTS = (
    (
        "alice",
        0,
        "L’outil qui m’a fait gagner une heure par jour",
        "#ia #tools #productivité",
        "Essaye l’outil ici →",
    ),
    ("alice", 1, "Mes notes de lecture, enfin rangées", "#livres #organisation", "Le carnet que j’utilise →"),
    ("alice", 2, "Un micro correct sans se ruiner", "#podcast #son", ""),
    ("bob", 0, "Trois idées pour déléguer à une IA", "#ia", "Voir l’outil →"),
    ("chloe", 1, "Mon journal d’atelier", "#atelier #dessin", "Découvre le carnet →"),
)
PEOPLE = (("olga", "Olga Petit", True), ("alice", "Alice Martin", False), ("bob", "Bob Durand", False),
          ("chloe", "Chloé Bernard", False))  # fmt: skip
READERS = (
    ("lea@lectrices.example.net", "Léa Fontaine", ("amis", "lyon"), True),
    ("karim@atelier.example.net", "Karim Haddad", ("atelier",), True),
    ("ines@notes.example.net", "Inès Moreau", ("amis",), True),
    ("jules@studio.example.net", "Jules Caron", ("atelier", "lyon"), False),
    ("sofia@carnets.example.net", "Sofia Da Silva", ("amis",), False),
)
# How often a hit of the demo has a verdict, and a channel: roughly what messengers and people do.
VERDICTS = {"valid": 49, "preview_bot": 30, "duplicate": 8, "bot": 7, "prefetch": 4, "self": 1, "fraud": 1}
CHANNELS = {"whatsapp": 34, "telegram": 14, "copy": 14, "x": 9, "linkedin": 9, "facebook": 6, "threads": 4,
            "bluesky": 4, "qr": 3, "native": 3, "email": 5,
            "mastodon": 2, "youtube": 2, "tiktok": 3, "instagram": 4, "pinterest": 1}  # fmt: skip
DAYS = 30
# Whose post has which film: the first one's clip comes along, the second one's is rendered by the worker.
FILMS = {0: "hour", 1: "notes"}


def fill() -> None:
    """Fill an empty programme; leave any other as it is."""
    if db.session.scalar(select(Partner.id).limit(1)) is not None:
        return
    chance = random.Random(2026)
    with transaction():
        people = {
            name: partners.add_partner(f"{name}@example.org", full_name, is_operator).id
            for name, full_name, is_operator in PEOPLE
        }
        offered = [
            offers.add_offer(
                name,
                url,
                advertiser,
                share,
                OfferTerms(description=what, brand_words=words, commission_bp=COMMISSIONS.get(name)),
            )
            for name, advertiser, url, share, what, words in OFFERS
        ]
        for number, (name, offer, title, hashtags, cta) in enumerate(POSTS):
            words = Draft(
                title=title, hashtags=hashtags, cta=cta, offer_id=offered[offer].id, nonce=f"demo-{number}"
            )
            film = FILMS.get(number)
            if film is None:
                submission = byop.submit_post(people[name], words)
            else:
                with demo_clips.film(film) as video:
                    submission = byop.submit_post(people[name], replace(words, video=video))
                demo_clips.show(film, submission)
            submission.created_at = clock.now() - timedelta(days=DAYS - 5 * number)
            _share_and_click(submission, 412 // (number + 1), chance)
        db.session.flush()
        _sell(chance)
        for name, full_name, _is_operator in PEOPLE[1:3]:
            _know_people(people[name], full_name)


def _know_people(partner_id: str, partner_name: str) -> None:
    """Some readers said yes last month, others are in the book and were not asked yet."""
    for number, (address, _name, _tags, has_said_yes) in enumerate(READERS):
        said_at = clock.now() - timedelta(days=3 * number + 2)
        if has_said_yes:
            yes = {"text": promise(partner_name), "origin": "invitation", "language": "fr"}
            db.session.add(
                Subscription(
                    recipient_hash=recipient_hash(address),
                    partner_id=partner_id,
                    delivery_id="",
                    created_at=said_at,
                    **yes,
                )
            )
    db.session.flush()
    entries = [
        Entry(line, address, name, tags) for line, (address, name, tags, _yes) in enumerate(READERS, 1)
    ]
    add_entries(partner_id, entries, "add")


def _sell(chance: random.Random) -> None:
    """Some valid clicks bought; one of them gave it back, one sale came of a partner's own click."""
    network, _ = networks.add_network("demo", "cli")
    bought = {"valid": 18, "self": 1}
    for verdict, number in bought.items():
        found = db.session.execute(
            select(Click.id, Click.clicked_at).where(Click.verdict == verdict).order_by(Click.clicked_at)
        )
        clicks = found.all()
        for click_id, at in clicks[:: max(1, len(clicks) // number)][:number]:
            fields = {"type": "sale", "click_id": click_id, "amount_cents": chance.randrange(900, 9_900, 100)}
            with clock.telling(min(clock.now(), at + timedelta(minutes=chance.randrange(4, 900)))):
                _report(network, {"transaction": f"D-{click_id[:6]}", **fields})
    sold = db.session.scalars(select(Conversion).where(Conversion.network_id == network.id)).first()
    if sold is not None:
        refund = {"transaction": sold.transaction, "type": "refund", "amount_cents": sold.amount_cents}
        _report(network, refund)


def _report(network: Network, fields: dict[str, object]) -> None:
    payload = read_payload({**fields, "currency": "EUR"}, clock.now())
    conversions.record(network, payload)


def _share_and_click(submission: Submission, hits: int, chance: random.Random) -> None:
    own = links.links_of(submission.id)
    clicks = []
    for _ in range(hits):
        channel, verdict = _pick(CHANNELS, chance), _pick(VERDICTS, chance)
        link = own[channel]
        kinds = {"bot": "bot", "preview_bot": "preview"}
        clicks.append(
            Click(
                link_id=link.id,
                partner_id=link.partner_id,
                clicked_at=_moment(submission.created_at, chance),
                verdict=verdict,
                agent_class=kinds.get(verdict, "mobile"),
            )
        )
    links.add_clicks(clicks)
    for _ in range(max(3, hits // 14)):
        at, channel = _moment(submission.created_at, chance), _pick(CHANNELS, chance)
        db.session.add(
            ShareLog(
                partner_id=submission.partner_id,
                submission_id=submission.id,
                channel=channel,
                recipients_count=3 if channel == "email" else 0,
                message=submission.title,
                created_at=at,
            )
        )


def _pick(weights: dict[str, int], chance: random.Random) -> str:
    return chance.choices(list(weights), weights=list(weights.values()))[0]


def _moment(since: datetime, chance: random.Random) -> datetime:
    """More of the clicks fall early in a post's life."""
    part: float = chance.random() ** 1.7
    return since + (clock.now() - since) * part


def welcome() -> str:
    """Return the line with the whole login URL of a partner who has posts and clicks."""
    base = settings().public_base_url
    email = db.session.scalar(select(Partner.email).where(Partner.email == ALICE))
    if email is None:
        with_posts = select(Partner.email).join(Submission, Submission.partner_id == Partner.id)
        email = db.session.scalar(with_posts.where(Partner.email.is_not(None)).limit(1))
    if email is None:
        return f"ContentFlow runs at {base}"
    with transaction():
        token = partners.make_login_link(email)
    return (
        f"\nContentFlow runs at {base}\nLog in as {email} (10 minutes, once): {base}/partner/login/{token}\n"
    )
