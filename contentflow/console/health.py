"""The page of health: what ``doctor`` finds of each part, what waits in queues, the last signs of life."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from contentflow.config import settings
from contentflow.conversions import reports
from contentflow.core import clock, doctor, heartbeat
from contentflow.core.registry import Remark, registry
from contentflow.terminal_language import in_language

PARTS: Mapping[str, LazyString] = {
    "backup": _l("Sauvegarde"), "broker": _l("Messages du travail"), "captions": _l("Sous-titres"),
    "clicks": _l("Clics"), "clock": _l("Horloge"), "database": _l("Base de données"),
    "events": _l("Événements de Brevo"), "https": _l("Adresse publique"), "identity": _l("Mentions légales"),
    "journal": _l("Journal des clics"), "ledger": _l("Grand livre"), "mail": _l("Envoi des e-mails"),
    "maintenance": _l("Entretien"), "mandate": _l("Mandat de facturation"), "media": _l("Bucket des médias"),
    "migrations": _l("Version de la base"), "networks": _l("Réseaux"), "payouts": _l("Factures"),
    "privacy": _l("Droits des fichiers"), "provider": _l("Service d’e-mail"),
    "publishing": _l("Publication"), "quarantine": _l("Copie restaurée"), "restore": _l("Restauration"),
    "room": _l("Place sur le disque"), "sender": _l("DNS de l’expéditeur"), "senders": _l("Pauses d’envoi"),
    "video": _l("Vidéos"), "webhook": _l("Webhook de Brevo"), "webhook token": _l("Jeton du webhook"),
    "worker": _l("Travail de fond"),
}  # fmt: skip
QUEUES: Mapping[str, LazyString] = {
    "mail": _l("E-mails"), "video": _l("Clips"), "publish": _l("Publications"),
    "imports": _l("Listes de contacts"), "fetch": _l("Vidéos à télécharger"),
}  # fmt: skip


class Finding(NamedTuple):
    """``state`` is one of unwell, remark, ok, unseen; without ``looked_at`` it was looked at just now."""

    part: str
    title: LazyString | str
    state: str
    sentence: str | None = None
    looked_at: datetime | None = None


class QueueBacklog(NamedTuple):
    """What is due in a queue; ``since``: from when on the oldest is, None where nothing is."""

    queue: str
    title: LazyString | str
    rows: int
    since: datetime | None


def findings(language: str) -> Sequence[Finding]:
    """Return what is found of each part, in ``language`` (fr, en): first what is to be mended."""
    kept, found = doctor.kept_findings(), []
    with in_language(language):
        for part in registry().doctor:
            title = PARTS.get(part, part)
            if part not in registry().checked_hourly:
                sentence = doctor.find(part)
                found.append(Finding(part, title, _state(sentence), sentence))
            elif row := kept.get(part):
                sentence = row.sentence(language)
                found.append(Finding(part, title, _state(sentence), sentence, row.looked_at))
            else:
                found.append(Finding(part, title, "unseen"))
    order = ("unwell", "unseen", "remark", "ok")
    return sorted(found, key=lambda one: order.index(one.state))


def titles(parts: Sequence[str]) -> Sequence[LazyString | str]:
    return [PARTS.get(part, part) for part in parts]


def _state(sentence: str | None) -> str:
    if sentence is None:
        return "ok"
    return "remark" if isinstance(sentence, Remark) else "unwell"


def queues() -> Sequence[QueueBacklog]:
    now, found = clock.now(), []
    for queue, backlog in registry().backlogs.items():
        rows, seconds = backlog()
        since = now - timedelta(seconds=seconds) if rows else None
        found.append(QueueBacklog(queue, QUEUES.get(queue, queue), rows, since))
    return found


def last_signs() -> Mapping[str, datetime | None]:
    """Return when the worker, Brevo's webhook, a network and a backup were last heard of; None: never."""
    seen = heartbeat.last_seen(heartbeat.WORKER, heartbeat.BREVO, heartbeat.BACKUP)
    return {
        "worker": seen.get(heartbeat.WORKER),
        "webhook": seen.get(heartbeat.BREVO),
        "postback": reports.last_accepted_at(),
        "backup": seen.get(heartbeat.BACKUP),
    }


def free_gigabytes() -> tuple[float, float]:
    """Return how much of the disk of DATA_DIR is free, and how much it has, in GB of 10^9 bytes."""
    disk = shutil.disk_usage(settings().data_dir)
    return disk.free / 1e9, disk.total / 1e9
