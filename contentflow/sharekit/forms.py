"""The form that mails a kit: addresses, attestation, and the very words that were attested."""

from __future__ import annotations

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, TextAreaField
from wtforms.validators import Optional

from contentflow.core.ids import digest, new_id
from contentflow.mailing.addresses import Parsed, TooManyAddresses
from contentflow.sharekit.emails import CONSENT, TOO_MANY, Plan, read_addresses

MOST_NONCE = 64


def _nonce(typed: str | None) -> str:
    typed = typed or new_id()
    return typed if len(typed) <= MOST_NONCE and typed.isascii() and typed.isprintable() else digest(typed)


class EmailForm(FlaskForm):
    """``keep`` is the button “keep the first N”, which only trims the list: 0 where it was not pressed."""

    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    emails = TextAreaField(_l("À qui ?"))
    consent = BooleanField(CONSENT)
    reply_to = BooleanField(_l("Les réponses peuvent arriver à mon adresse"))
    nonce = HiddenField(filters=[_nonce])
    keep = IntegerField(validators=[Optional()])

    def read(self) -> Sequence[Parsed]:
        """Return what was typed, entry by entry; too many entries are an error at the field."""
        try:
            return read_addresses(self.emails.data or "")
        except TooManyAddresses:
            self.emails.errors = [str(TOO_MANY)]
            return []

    def trim(self, planned: Plan) -> list[str]:
        """Leave the first ``keep`` addresses that would be mailed in the field; returns those put aside."""
        reached = planned.reaching()
        self.emails.data = "\n".join(reached[: self.keep.data])
        return reached[self.keep.data :]

    def judge(self, planned: Plan) -> bool:
        """Put what is missing at its field; True when the mails may leave."""
        if not self.emails.errors and not planned.has_good_address:
            self.emails.errors = [str(_l("Il faut au moins une adresse valable."))]
        if not self.consent.data:
            self.consent.errors = [
                str(_l("Confirme que ces personnes sont d’accord : sans cela, rien ne part."))
            ]
        return not self.emails.errors and not self.consent.errors
