"""The one word that ends an account."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField, ValidationError

from contentflow.portal.services import is_confirmed


class EraseForm(FlaskForm):
    class Meta:
        csrf = False  # Checked for every form at once, before the view.

    confirm = StringField()

    def validate_confirm(self, field: StringField) -> None:
        if not is_confirmed(field.data or ""):
            raise ValidationError(_l("Rien n’est effacé : écris EFFACER pour confirmer."))
