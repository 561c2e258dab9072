"""What states and verdicts are called to a partner: the only place of these words."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from contentflow.mailing.addresses import AddressFault

STATES: Final = {
    "imported": _l("Pas encore invité"),
    "invited": _l("Invité"),
    "confirmed": _l("A dit oui"),
    "refused": _l("A dit non"),
    "unsubscribed": _l("S’est désinscrit"),
    "bounced": _l("Adresse en échec"),
    "expired": _l("Sans réponse"),
}
# A chip of ui.html each.
STATE_CHIPS: Final = {
    "imported": "off",
    "invited": "work",
    "confirmed": "ok",
    "refused": "off",
    "unsubscribed": "off",
    "bounced": "failed",
    "expired": "off",
}
ORIGINS: Final = {
    "add": _l("ajouté à la main"),
    "import": _l("importé d’un fichier"),
    "mail": _l("a dit oui à un message partagé"),
}
PROOF_ORIGINS: Final = {
    "invitation": _l("le bouton de ton invitation"),
    "mail": _l("le bouton d’un message partagé"),
    "brevo": _l("confirmé chez Brevo, puis le bouton de notre page"),
}
VERDICTS: Final = {
    "added": _l("Ajouté"),
    "already": _l("Déjà dans ton carnet"),
    "duplicate_in_file": _l("Déjà plus haut dans la liste"),
    "unavailable": _l("Ne peut pas être contacté"),
    "disposable": _l("Adresse jetable : demande une adresse durable."),
    "malformed": _l("Adresse illisible : vérifie-la."),
    "empty": _l("Pas d’adresse sur cette ligne"),
    "invited": _l("Recevra ton invitation"),
}
REASONS: Final = {
    AddressFault.NO_AT: _l("Il manque le « @ » : vérifie l’adresse."),
    AddressFault.SEVERAL_ATS: _l("Une seule adresse par ligne, avec un seul « @ »."),
    AddressFault.NO_LOCAL: _l("Il manque ce qui précède le « @ »."),
    AddressFault.NO_DOMAIN: _l("Cette adresse n’a pas de domaine : vérifie la fin."),
    AddressFault.DOMAIN_WITHOUT_DOT: _l("Le domaine est incomplet : vérifie la fin (.fr, .com…)."),
    AddressFault.BAD_LOCAL: _l("Ce qui précède le « @ » contient un caractère interdit."),
    AddressFault.NON_ASCII_LOCAL: _l(
        "Les accents avant le « @ » ne passent pas partout : vérifie l’adresse."
    ),
    AddressFault.BAD_DOMAIN: _l("Ce domaine n’existe pas sous cette forme : vérifie la fin."),
    AddressFault.TOO_LONG: _l("Cette adresse est trop longue pour être vraie."),
}
MAIL_STATES: Final = {
    "scheduled": _l("Programmé"),
    "queued": _l("En attente"),
    "sending": _l("Part à l’instant"),
    "sent": _l("Envoyé"),
    "captured": _l("Dans la boîte locale : rien n’est parti"),
    "failed": _l("Refusé par le service d’envoi"),
    "unknown": _l("Issue inconnue : il ne sera pas renvoyé"),
    "cancelled": _l("Annulé"),
}
GOOD: Final = ("added", "already", "invited")


def explain(verdict: str, reason: str = "") -> str:
    if verdict == "malformed" and reason in list(AddressFault):
        return str(REASONS.get(AddressFault(reason), VERDICTS[verdict]))
    return str(VERDICTS[verdict])
