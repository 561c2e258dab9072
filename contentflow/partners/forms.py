"""The two fields of the login."""

from __future__ import annotations

import re

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, StringField, ValidationError

from contentflow import invisibles
from contentflow.partners import addresses
from contentflow.partners.errors import NotAnAddress


class LoginForm(FlaskForm):
    """``address`` is the normal form of what was typed, once it is valid."""

    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    email = EmailField(_l("Ton adresse e-mail"))
    address: str = ""

    def validate_email(self, field: EmailField) -> None:
        try:
            self.address = addresses.normal(field.data or "")
        except NotAnAddress as refusal:
            raise ValidationError(str(refusal.message)) from None


class CodeForm(FlaskForm):
    """``digits`` is the code without the blanks that people paste along."""

    class Meta:
        csrf = False

    code = StringField(_l("Code à six chiffres"))
    digits: str = ""

    def validate_code(self, field: StringField) -> None:
        self.digits = "".join(invisibles.strip_value(field.data or "").split())
        if not re.fullmatch(r"[0-9]{6}", self.digits):
            raise ValidationError(_l("Le code a six chiffres : recopie-le depuis l’e-mail."))
