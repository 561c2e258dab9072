"""The form that mails a kit: addresses, attestation, and the very words that were attested."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    RadioField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import Optional

from contentflow.byop.words import clean_line
from contentflow.core import clock
from contentflow.core.ids import digest, new_id
from contentflow.experiments.models import MAX_HOOK
from contentflow.mailing.addresses import Parsed, TooManyAddresses, parse_addresses
from contentflow.sharekit.emails import CONSENT, Audience, SharePlan
from contentflow.sharekit.scheduling import TimeIsPast, TimeIsTooFar, UnreadableTime, read_at

TOO_MANY = _l("1 000 adresses au plus à la fois : envoie en plusieurs fois.")
AT_SENTENCES: dict[type[ValueError], LazyString] = {
    UnreadableTime: _l("Écris une date et une heure, comme 2026-12-24 18:30."),
    TimeIsPast: _l("Ce moment est passé : choisis-en un à venir."),
    TimeIsTooFar: _l("30 jours à l’avance au plus : choisis un moment plus proche."),
}
# As wide as its column; whatever is longer, or no plain text, is digested to fit.
MAX_NONCE_LENGTH = 64


def _nonce(typed: str | None) -> str:
    typed = typed or new_id()
    return (
        typed if len(typed) <= MAX_NONCE_LENGTH and typed.isascii() and typed.isprintable() else digest(typed)
    )


def _sent(name: str) -> list[str]:
    return [value for value in request.form.getlist(name) if value.strip()]


class EmailForm(FlaskForm):
    """``keep`` is the button “keep the first N”, which only trims the list: 0 where it was not pressed."""

    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    emails = TextAreaField(_l("À qui ?"))
    consent = BooleanField(CONSENT)
    reply_to = BooleanField(_l("Les réponses peuvent arriver à mon adresse"))
    nonce = HiddenField(filters=[_nonce])
    keep = IntegerField(validators=[Optional()])
    at = StringField(_l("Quand ?"))

    def read(self) -> Audience:
        """Return whom it names and for when; too many entries, or no such time, are errors at their field."""
        sent = self.emails.data or ""
        parsed: Sequence[Parsed] = []
        try:
            parsed = parse_addresses(sent)
        except TooManyAddresses:
            self.emails.errors = [str(TOO_MANY)]
        due_at = None
        try:
            due_at = read_at(self.at.data or "", clock.now())
        except ValueError as error:
            self.at.errors = [str(AT_SENTENCES[type(error)])]
        return Audience(parsed, self.tags, self.contacts, due_at)

    @property
    def tags(self) -> list[str]:
        return _sent("tags")

    @property
    def contacts(self) -> list[str]:
        return _sent("contacts")

    @property
    def is_trimming(self) -> bool:
        return (self.keep.data or 0) > 0

    def trim(self, planned: SharePlan) -> list[str]:
        """Leave the first ``keep`` addresses that would be mailed in the field; returns those put aside."""
        reached = planned.reaching()
        kept, self.keep.data = self.keep.data, None
        self.emails.data = "\n".join(reached[:kept])
        return reached[kept:]

    def judge(self, planned: SharePlan) -> bool:
        """Put what is missing at its field; True when the mails may leave."""
        if not self.emails.errors and not planned.has_good_address:
            self.emails.errors = [str(_l("Il faut au moins une adresse valable."))]
        if not self.consent.data:
            self.consent.errors = [
                str(_l("Confirme que ces personnes sont d’accord : sans cela, rien ne part."))
            ]
        return not self.emails.errors and not self.consent.errors and not self.at.errors


class VariantForm(FlaskForm):
    """The second variant: its hook, one line of at most 120 characters, and its cover, 0 to 2."""

    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    hook = StringField(_l("Accroche"), filters=[lambda typed: clean_line(typed or "")])
    cover = RadioField(_l("Image"), choices=["0", "1", "2"], default="0")
    nonce = HiddenField(filters=[_nonce])

    def validate_hook(self, field: StringField) -> None:
        if not field.data:
            raise ValidationError(_l("Écris une deuxième accroche : c’est elle qui remplace le titre."))
        if len(field.data) > MAX_HOOK:
            raise ValidationError(_l("120 caractères au plus : raccourcis un peu."))
