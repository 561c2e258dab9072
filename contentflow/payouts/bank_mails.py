"""Mails about a partner's account, written as they leave: their rows never hold a code or a link."""

from __future__ import annotations

import secrets

from flask_babel import force_locale
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.core.db import db
from contentflow.mailing.messages import Message, render_mail
from contentflow.mailing.models import Delivery
from contentflow.partners.models import Partner
from contentflow.payouts import bank_accounts, freezing
from contentflow.payouts.models import BankAccount


def compose(delivery: Delivery) -> Message | None:
    """Write the mail; None where nobody needs it any more."""
    partner = db.session.get(Partner, delivery.partner_id)
    if partner is None or not partner.is_active:
        return None
    code = ""
    if "request_id" in delivery.context:
        request = bank_accounts.find_request(partner.id)
        if request is None or request.id != delivery.context["request_id"]:
            return None
        code = f"{secrets.randbelow(1_000_000):06d}"
        request.code_hash = bank_accounts.code_hash(request.id, code)
        new_four = request.last_four
    else:
        account = db.session.get(BankAccount, str(delivery.context.get("account_id", "")))
        if account is None:
            return None
        new_four = account.last_four
    base = settings().public_base_url
    with force_locale(delivery.language):
        subject = _("Ton code pour ton compte bancaire") if code else _("Ton compte bancaire a changé")
    text, html = render_mail(
        "payouts/bank_mail",
        delivery.language,
        title=subject,
        who=partner.name,
        code=code,
        old_four=delivery.context.get("old_four", ""),
        new_four=new_four,
        days=settings().payout_bank_cooldown_days,
        stop=f"{base}/partner/billing/freeze/{freezing.new_freeze_token(partner.id)}",
        programme=settings().email_from_name,
    )
    return Message(subject, text, html, tags=("bank",))
