"""What ``doctor`` says of the mail: the sender's domain, the service, and what comes back from it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.dns_records import DnsUnavailable, txt_records
from contentflow.core.heartbeat import BREVO, Heartbeat
from contentflow.core.ids import digest
from contentflow.core.registry import Remark
from contentflow.core.writes import insert_missing
from contentflow.mailing.events import BrevoDay, BrevoEvent
from contentflow.mailing.models import Delivery
from contentflow.mailing.standing import sending_domain
from contentflow.terminal_language import says

# RFC 2606 and 6761: nobody can publish anything there.
RESERVED = ("example.com", "example.net", "example.org", "test", "invalid", "localhost", "example")
# How Brevo signs: https://help.brevo.com/hc/en-us/articles/12163873383186
SELECTORS = ("brevo1", "brevo2", "mail")
ROTATION, ROTATION_DAYS = "brevo-tokens:", 14
QUIET, RECENT = timedelta(days=2), timedelta(days=7)


def check_domain() -> str | None:
    """None when SPF, DKIM (of Brevo) and DMARC of the From domain are published."""
    domain = sending_domain()
    is_reserved = any(domain == one or domain.endswith(f".{one}") for one in RESERVED)
    if not settings().has_mail_service or not domain or is_reserved:
        return None
    try:
        missing = _missing_records(domain)
    except DnsUnavailable as error:
        return Remark(
            says("Le DNS de %s n’a pas pu être lu (%s) : SPF, DKIM et DMARC restent à vérifier.")
            % (domain, error)
        )
    if not missing:
        return None
    return says("Il manque au DNS de %s : %s ; sans eux, vos e-mails finissent en indésirables.") % (
        domain,
        ", ".join(missing),
    )


def _missing_records(domain: str) -> list[str]:
    missing = []
    spf = [one for one in txt_records(domain) if one.lower().startswith("v=spf1")]
    if len(spf) != 1:
        missing.append("SPF" if not spf else f"SPF ({len(spf)} × v=spf1)")
    if settings().brevo_api_key and not any(
        "p=" in record and not record.rstrip().endswith("p=")  # An empty key is one that was withdrawn.
        for selector in SELECTORS
        for record in txt_records(f"{selector}._domainkey.{domain}")
    ):
        missing.append("DKIM")
    labels = domain.split(".")
    parents = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    # RFC 7489, 6.6.3: the policy of the domain above holds too.
    if not any(
        one.lower().startswith("v=dmarc1") for name in parents for one in txt_records(f"_dmarc.{name}")
    ):
        missing.append("DMARC")
    return missing


def check_base_url() -> str | None:
    if settings().has_mail_service and not settings().is_https and settings().env == "production":
        return says(
            "PUBLIC_BASE_URL n’est pas en https : les liens des e-mails font peur, et Brevo n’y envoie rien."
        )
    return None


def check_provider() -> str | None:
    """None when Brevo answers and takes the key; asked without sending anything."""
    chosen = settings()
    if not chosen.sends_mail or not chosen.brevo_api_key:
        return None
    headers = {"api-key": chosen.brevo_api_key, "Accept": "application/json"}
    from contentflow.core import outbound  # Its libraries are none of a web process’s.

    try:
        answer = outbound.call("GET", f"{chosen.brevo_api_url}/account", 5, headers=headers)
    except (outbound.NotReached, outbound.NoAnswer) as error:
        return says("Brevo ne répond pas (%s) : voyez le réseau et BREVO_API_URL.") % error
    if answer.status in (401, 403):
        return says("Brevo refuse la clé (%s) : voyez BREVO_API_KEY.") % answer.status
    return None if answer.status < 400 else says("Brevo répond %s : voyez son état.") % answer.status


def check_webhook() -> str | None:
    """None when Brevo's events come in; without a token they are only asked for, each hour."""
    if not settings().sends_mail or not settings().brevo_api_key:
        return None
    if not settings().brevo_webhook_token:
        return Remark(says("Sans BREVO_WEBHOOK_TOKEN, refus et plaintes ne sont connus qu’une heure après."))
    seen = db.session.get(Heartbeat, BREVO)
    sent = select(func.max(Delivery.first_tried_at)).where(
        Delivery.kind == "share", Delivery.state == "sent", Delivery.first_tried_at < clock.now() - QUIET / 2
    )
    last_sent = db.session.scalar(sent)
    if last_sent is not None and (seen is None or seen.seen_at < last_sent - QUIET):
        when = clock.iso(seen.seen_at) if seen else says("jamais")
        return (
            says("Brevo n’envoie plus ses événements (dernier : %s) : voyez son webhook et son jeton.") % when
        )
    return None


def check_tokens() -> str | None:
    """None unless the older of two tokens has been valid for two weeks."""
    before = clock.now() - timedelta(days=ROTATION_DAYS)
    since = select(Heartbeat.seen_at).where(Heartbeat.name.startswith(ROTATION), Heartbeat.seen_at < before)
    if len(settings().brevo_webhook_token) < 2 or db.session.scalar(since) is None:
        return None
    return (
        says(
            "Deux jetons de webhook valent depuis plus de %s jours : retirez l’ancien de BREVO_WEBHOOK_TOKEN."
        )
        % ROTATION_DAYS
    )


def note_rotation() -> None:
    """Remember since when a second token is valid; the worker's maintenance."""
    tokens = settings().brevo_webhook_token
    name = ROTATION + digest(tokens[1])[:16] if len(tokens) == 2 else ""
    with transaction():
        others = delete(Heartbeat).where(Heartbeat.name.startswith(ROTATION), Heartbeat.name != name)
        db.session.execute(others)
        if name:
            insert_missing(Heartbeat, name=name, seen_at=clock.now())


def check_events() -> str | None:
    """What Brevo told of mails that are not ours, and what its webhook did not tell."""
    since = clock.now() - RECENT
    foreign = select(BrevoEvent.id).where(BrevoEvent.received_at > since, BrevoEvent.is_ours.is_(False))
    found = []
    if count := db.session.scalar(select(func.count()).select_from(foreign.limit(1_000).subquery())):
        found.append(says("%s événements d’e-mails d’un autre produit sur ce compte Brevo") % count)
    lost = select(func.sum(BrevoDay.lost)).where(BrevoDay.id >= since.date().isoformat())
    if count := db.session.scalar(lost):
        found.append(says("%s événements que le webhook avait perdus") % count)
    return Remark(says("En 7 jours : %s.") % "; ".join(found)) if found else None
