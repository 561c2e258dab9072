"""The forms of ``/partner/billing``: who stands on the invoices, the account, its code."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice

from contentflow import invisibles
from contentflow.core.errors import Refused
from contentflow.payouts import identity
from contentflow.payouts.identity import BillingIdentity, Iban
from contentflow.payouts.models import BillingProfile

CHOOSE = _l("Choisis dans la liste.")
KIND_NAMES = {
    "company": _l("Société"),
    "sole_trader": _l("Entreprise individuelle, micro-entreprise"),
    "association": _l("Association"),
}
FRANCE, OTHER = "FR", "other"
COUNTRY_NAMES = {
    FRANCE: _l("France, Monaco, Guadeloupe, Martinique, Guyane, La Réunion, Mayotte"),
    OTHER: _l("Un autre pays ou territoire"),
}
VAT_NAMES = {
    "franchise": _l("Franchise en base : pas de TVA"),
    "vat": _l("Redevable : TVA à 20 %"),
}


def judged(field: Field, judge: Callable[..., Any], *more: str) -> Any:
    """Return what a rule makes of a field's text; a refusal is the field's error."""
    try:
        return judge(field.data or "", *more)
    except Refused as refusal:
        raise ValidationError(str(refusal.message)) from None


class BillingForm(FlaskForm):
    """``identity()`` is what was given, once it is valid; ``version`` is the mandate that is in force."""

    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    country = SelectField(
        _l("Établi en"),
        choices=[SelectChoice(*each) for each in COUNTRY_NAMES.items()],
        default=FRANCE,
        invalid_choice_message=CHOOSE,
    )
    kind = SelectField(
        _l("Tu es"),
        choices=[SelectChoice(*each) for each in KIND_NAMES.items()],
        invalid_choice_message=CHOOSE,
    )
    legal_name = StringField(_l("Nom sur les factures"))
    siret = StringField(_l("SIRET"))
    street = StringField(_l("Numéro et rue"))
    postcode = StringField(_l("Code postal"))
    city = StringField(_l("Ville"))
    vat = SelectField(
        _l("TVA"), choices=[SelectChoice(*each) for each in VAT_NAMES.items()], invalid_choice_message=CHOOSE
    )
    vat_number = StringField(_l("Numéro de TVA"))
    mandate = StringField()

    def __init__(self, version: str, **given: Any) -> None:
        super().__init__(**given)
        self.version = version
        self.found: dict[str, Any] = {}

    @property
    def is_abroad(self) -> bool:
        """Whether nothing else is asked for: no invoice is written from there."""
        return bool(self.country.data == OTHER)

    def validate_legal_name(self, field: StringField) -> None:
        self.found["legal_name"] = judged(field, identity.legal_name)

    def validate_siret(self, field: StringField) -> None:
        self.found["siret"] = judged(field, identity.siret)

    def validate_street(self, field: StringField) -> None:
        self.found["street"] = judged(field, identity.street)

    def validate_postcode(self, field: StringField) -> None:
        self.found["postcode"] = judged(field, identity.postcode)

    def validate_city(self, field: StringField) -> None:
        self.found["city"] = judged(field, identity.city)

    def validate_vat_number(self, field: StringField) -> None:
        self.found["vat_number"] = None
        if self.vat.data == identity.VAT:
            siren = identity.compact(self.siret.data or "")[:9]
            self.found["vat_number"] = judged(field, identity.vat_number, siren)
        elif identity.compact(field.data or ""):
            raise ValidationError(
                _l("Avec un numéro de TVA, choisis « Redevable » ; en franchise, laisse ce champ vide.")
            )

    def validate_mandate(self, field: StringField) -> None:
        if field.data and field.data != self.version:
            raise ValidationError(
                _l("Le mandat a changé entre-temps : lis la nouvelle version avant de l’accepter.")
            )

    def identity(self) -> BillingIdentity:
        return BillingIdentity(kind=self.kind.data, vat=self.vat.data, **self.found)


def filled(version: str, profile: BillingProfile | None) -> BillingForm:
    """Return the form with what is kept."""
    return BillingForm(version, formdata=None, obj=profile)


class BankForm(FlaskForm):
    """``account`` is the account, once it is valid."""

    class Meta:
        csrf = False

    iban = StringField(_l("IBAN"))
    holder = StringField(_l("Titulaire du compte"))
    account: Iban
    name: str = ""

    def validate_iban(self, field: StringField) -> None:
        self.account = judged(field, identity.iban)

    def validate_holder(self, field: StringField) -> None:
        self.name = judged(field, identity.holder)


class BankCodeForm(FlaskForm):
    """``digits`` is the code without the blanks that people paste along."""

    class Meta:
        csrf = False

    code = StringField(_l("Code à six chiffres"))
    digits: str = ""

    def validate_code(self, field: StringField) -> None:
        self.digits = "".join(invisibles.strip_value(field.data or "").split())
        if not re.fullmatch(r"[0-9]{6}", self.digits):
            raise ValidationError(_l("Le code a six chiffres : recopie-le depuis l’e-mail."))
