"""Two variants of a post: make or mend the second, read the table, decide."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.core.errors import NotFound
from contentflow.experiments import services as experiments
from contentflow.partners.sessions import current_partner
from contentflow.sharekit import services, variants
from contentflow.sharekit.forms import VariantForm
from contentflow.sharekit.views import bp
from contentflow.web.access import partner_required
from contentflow.web.htmx import go_to, render


@bp.get("/byop/variants")
@partner_required
def variant_table() -> ResponseReturnValue:
    found = variants.table(current_partner().id, request.args.get("id", ""))
    if found is None or not settings().variants_enabled:
        raise NotFound
    return render("sharekit/variants.html", table=found)


@bp.post("/byop/variants")
@partner_required
def save_variant() -> ResponseReturnValue:
    form, partner_id, sid = VariantForm(), current_partner().id, request.form.get("sid", "")
    if not settings().variants_enabled:
        raise NotFound
    if not form.validate():
        kit = services.kit(partner_id, sid)
        return render("sharekit/variant.html", 422, kit=kit, variant_form=form, **variants.proposed(kit))
    with transaction():
        variants.save(partner_id, sid, form.hook.data, int(form.cover.data), form.nonce.data)
    return go_to(url_for("sharekit.kit", id=sid) + "#variants")


@bp.post("/byop/variants/use")
@partner_required
def use_variant() -> ResponseReturnValue:
    sid = request.form.get("sid", "")
    if not settings().variants_enabled:
        raise NotFound
    with transaction():
        experiments.use(current_partner().id, sid, request.form.get("use", "?"))
    return go_to(url_for("sharekit.kit", id=sid) + "#variants")
