"""The mails about a payout: it was paid, why the bank gave it back, a contest and its answer."""

from __future__ import annotations

from datetime import date

from flask_babel import format_date
from flask_babel import gettext as _

from contentflow.core.db import db
from contentflow.core.money import euros
from contentflow.partners import notices
from contentflow.partners.models import Partner
from contentflow.partners.notices import Notice
from contentflow.payouts.bank_notices import tell_team
from contentflow.payouts.bank_reasons import reason_words
from contentflow.payouts.run_models import AnswerOutcome, Invoice, Payout


def tell(payout: Payout, outcome: str, on: date) -> None:
    """Queue the mail about a payout that was paid, rejected or returned, in the open transaction."""
    partner = db.session.get(Partner, payout.partner_id)
    if partner is None or partner.email is None:
        return

    def notice() -> Notice:
        if outcome == "paid":
            sent_on = format_date(on, "long")
            return Notice(
                _("%(sum)s sont en route vers ton compte", sum=euros(payout.total_cents)),
                (
                    _(
                        "Ta banque les a reçus, ou les reçoit ces jours-ci : le virement date du %(day)s.",
                        day=sent_on,
                    ),
                    _("La facture, écrite en ton nom, t’attend sur la page de tes versements."),
                ),
                "/partner/payouts",
                _("Voir mes versements"),
            )
        return Notice(
            _("Ta banque n’a pas accepté ton versement de %(sum)s", sum=euros(payout.total_cents)),
            (
                _("La raison : %(reason)s.", reason=reason_words(payout.reason)),
                _(
                    "Rien n’est perdu : la somme t’est toujours due, et ta facture reste la même. Vérifie "
                    "ton compte bancaire ; le prochain versement la comprend."
                ),
            ),
            "/partner/billing",
            _("Vérifier mon compte bancaire"),
        )

    notices.tell(partner, notice)


def tell_team_of_contest(partner: Partner, invoice: Invoice, run_id: str) -> None:
    """Tell who settles money that an invoice of what was sent waits for an answer."""
    name = partner.name or partner.email or ""

    def write() -> Notice:
        said = (
            _("%(name)s conteste la facture %(number)s.", name=name, number=invoice.label),
            _("Le virement est déjà parti : une personne de l’équipe répond, sur la page du lot."),
        )
        subject = _("La facture %(number)s est contestée", number=invoice.label)
        return Notice(subject, said, f"/console/payouts/{run_id}", _("Regarder"))

    tell_team(write)


def tell_answer(partner_id: str, invoice: Invoice) -> None:
    """Tell a partner what the team says to their contest."""
    partner = db.session.get(Partner, partner_id)
    if partner is None or partner.email is None:
        return

    def write() -> Notice:
        stands = _("La facture reste telle quelle. L’équipe écrit :")
        mended = _(
            "L’équipe te donne raison : une ligne de ta prochaine facture corrige celle-ci. Elle écrit :"
        )
        said = (mended if invoice.answer_outcome == AnswerOutcome.AGREED else stands, invoice.answer)
        subject = _("La réponse à ta contestation de la facture %(number)s", number=invoice.label)
        return Notice(subject, said, "/partner/payouts", _("Voir mes versements"))

    notices.tell(partner, write)
