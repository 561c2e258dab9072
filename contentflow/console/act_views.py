"""Acting on these rows: a page that names each, then a verdict a row; and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from contentflow.byop.models import Submission
from contentflow.byop.moderation import REASONS
from contentflow.console import acts, lists, rows
from contentflow.console.acts import ACTS, Act, ActWords
from contentflow.console.pages import actor, bp, reason, words
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.core.undo import undone_by
from contentflow.partners.errors import NoReason
from contentflow.partners.roles import Permission
from contentflow.web.access import permission_required
from contentflow.web.errors import answer
from contentflow.web.htmx import is_htmx, render
from contentflow.web.security import our_path


class RowVerdict(NamedTuple):
    """What became of one row: ``done already refused gone``; ``undone_by``: the entry that undoes it."""

    row_id: str
    name: str
    verdict: str
    message: str = ""
    undone_by: str = ""


@bp.post("/confirm")
@permission_required(Permission.BOARD)
def confirm() -> ResponseReturnValue:
    act = acts.get_act(request.form.get("act", ""), request.form.get("list", ""))
    if not current_user.may(act.permission):
        return answer(403, _("Votre rôle ne permet pas cela."))
    ids = acts.chosen(request.form.getlist("id"))
    return _ask(act, ids)


@bp.post("/posts/approve")
@permission_required(Permission.MODERATE)
def approve_posts() -> ResponseReturnValue:
    return _run(ACTS["approve"], ActWords(actor()))


@bp.post("/posts/refuse")
@permission_required(Permission.MODERATE)
def refuse_posts() -> ResponseReturnValue:
    chosen = request.form.get("reason", "")
    if chosen not in REASONS:
        return _ask(ACTS["refuse"], acts.chosen(request.form.getlist("post")), NoReason())
    return _run(ACTS["refuse"], ActWords(actor(), words("note"), words(), chosen))


@bp.post("/posts/withdraw")
@permission_required(Permission.MODERATE)
def withdraw_posts() -> ResponseReturnValue:
    return _with_reason(ACTS["withdraw"])


@bp.post("/holds/release")
@permission_required(Permission.SETTLE)
def release_holds() -> ResponseReturnValue:
    return _with_reason(ACTS["release"])


@bp.post("/holds/keep")
@permission_required(Permission.SETTLE)
def keep_holds() -> ResponseReturnValue:
    return _run(ACTS["keep"], ActWords(actor(), words("words") or words("reason")))


@bp.post("/partners/suspend")
@permission_required(Permission.MANAGE_PARTNERS)
def suspend_partners() -> ResponseReturnValue:
    return _with_reason(ACTS["suspend"])


@bp.post("/partners/resume")
@permission_required(Permission.MANAGE_PARTNERS)
def resume_partners() -> ResponseReturnValue:
    return _run(ACTS["resume"], ActWords(actor(), words("reason")))


@bp.post("/undo")
@permission_required(Permission.BOARD)
def undo() -> ResponseReturnValue:
    with transaction():
        entry = acts.undo_act(request.form.get("entry", ""), actor())
        act, row_id = entry.act, entry.subject
    page = "console/row_undone.html" if is_htmx() else "console/undone.html"
    return render(page, act=act, row_id=row_id)


@bp.app_template_global()
def can_undo(entry: AuditEntry) -> bool:
    """Whether this person may take an act back now, and has not done so."""
    if not acts.can_undo(entry, actor()):
        return False
    if "undone" not in g:
        g.undone = undone_by(actor())
    return entry.id not in g.undone


def _with_reason(act: Act) -> ResponseReturnValue:
    """Run an act that asks why: without a reason its page comes again, with what was typed."""
    try:
        why = reason()
    except NoReason as refusal:
        return _ask(act, acts.chosen(request.form.getlist(act.field)), refusal)
    return _run(act, ActWords(actor(), why, words()))


def _back_to(act: Act) -> str:
    """Return the list that rows were chosen in, with its filter: as a form kept it, or the browser says."""
    said = request.form.get("back") or request.headers.get("HX-Current-URL") or request.referrer
    came_from = our_path(urljoin(request.host_url, said or "")) or ""
    own = url_for(f"console.{act.list_name}")
    return came_from if came_from.partition("?")[0] == own else own


def _ask(act: Act, ids: list[str], refusal: Refused | None = None) -> ResponseReturnValue:
    names = acts.describe(act, ids)
    error = str(refusal.message) if refusal else ""
    alone = lists.only_ids(ids) if act.list_name == "posts" and len(ids) == 1 else []
    looked_at = [found for one in alone if (found := db.session.get(Submission, one))]
    return render(
        _page("confirm", ids),
        422 if refusal else 200,
        act=act,
        names={row_id: names.get(row_id, "") for row_id in ids},
        reasons=REASONS,
        error=error,
        sent=request.form,
        post=next(iter(looked_at), None),
        shown=rows.posts(looked_at),
        back=_back_to(act),
    )


def _run(act: Act, said: ActWords) -> ResponseReturnValue:
    """Act on each row by itself: one that was seen to meanwhile keeps none of the others waiting."""
    ids = acts.chosen(request.form.getlist(act.field))
    names = acts.describe(act, ids)
    verdicts = []
    for row_id in ids:
        name = names.get(row_id, "")
        try:
            with transaction():
                entry = act.run(row_id, said)
                undone_by = entry.id if entry is not None and acts.can_undo(entry, said.actor) else ""
            verdicts.append(RowVerdict(row_id, name, "done", undone_by=undone_by))
        except Refused as refusal:
            verdicts.append(RowVerdict(row_id, name, acts.verdict_of(refusal), str(refusal.message)))
    return render(_page("verdicts", ids), act=act, verdicts=verdicts, back=_back_to(act))


def _page(name: str, ids: Sequence[str]) -> str:
    """For HTMX and one row: what takes the place of that row in its list."""
    return f"console/row_{name}.html" if is_htmx() and len(ids) == 1 else f"console/{name}.html"
