"""What can be done to rows of a list: to one, or to these very ones, each looked at again at the act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from contentflow.byop import moderation
from contentflow.console import lists
from contentflow.console.words import in_words
from contentflow.core import undo
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.ledger import holds
from contentflow.partners import accounts
from contentflow.partners import services as partners
from contentflow.partners.roles import Permission

MOST: Final = 200


class OverTwoHundred(Refused):
    message = _l("200 lignes au plus à la fois : choisissez-en moins.")


class NoRows(Refused):
    message = _l("Choisissez au moins une ligne.")


class UnknownAct(Refused):
    message = _l("Cet acte n’existe pas pour cette liste.")


class NotUndoable(Refused):
    status = 409
    message = _l("Cet acte ne s’annule pas.")


class ActWords(NamedTuple):
    """What was typed beside an act: ``why`` for the team, ``words`` for the partner, a listed ``reason``."""

    actor: str
    why: str = ""
    words: str = ""
    reason: str = ""


class Act(NamedTuple):
    """``asks``: the fields that its page has, of ``reason`` (a list), ``words`` and ``note``.

    ``run`` acts on one row's id and returns the audit entry to undo it by, if that is true for a while.
    """

    name: str
    list_name: str
    title: LazyString
    what: LazyString  # what will happen
    permission: Permission
    endpoint: str
    field: str
    asks: tuple[str, ...]
    run: Callable[[str, ActWords], AuditEntry | None]
    is_undoable: bool = True
    is_severe: bool = False


def _release(row_id: str, said: ActWords) -> None:
    holds.release_hold(row_id, said.actor, said.why)


ACTS: Final[Mapping[str, Act]] = {
    act.name: act
    for act in (
        Act(
            "approve", "posts", _l("Valider"),
            _l("Leurs liens s’allument, et un e-mail le dit quand ce n’est plus annulable."),
            Permission.MODERATE, "console.approve_posts", "post", (),
            lambda row_id, said: moderation.approve(row_id, said.actor),
        ),
        Act(
            "refuse", "posts", _l("Refuser"),
            _l("Leurs auteurs lisent la raison et vos mots, corrigent, et peuvent les envoyer de nouveau."),
            Permission.MODERATE, "console.refuse_posts", "post", ("reason", "words", "note"),
            lambda row_id, said: moderation.refuse(row_id, said.reason, said.words, said.actor, said.why),
            is_severe=True,
        ),
        Act(
            "withdraw", "posts", _l("Retirer pour toujours"),
            _l("Leurs liens disent 410 et leurs e-mails en attente ne partent pas. Cela ne s’annule pas."),
            Permission.MODERATE, "console.withdraw_posts", "post", ("words", "why"),
            lambda row_id, said: moderation.withdraw(row_id, said.words, said.actor, said.why),
            is_undoable=False, is_severe=True,
        ),
        Act(
            "release", "holds", _l("Libérer"),
            _l("L’argent continue son chemin vers le partenaire. Cela ne s’annule pas."),
            Permission.SETTLE, "console.release_holds", "hold", ("why",), _release, is_undoable=False,
        ),
        Act(
            "keep", "holds", _l("Garder retenu"),
            _l("L’argent reste retenu, et la ligne n’attend plus personne."),
            Permission.SETTLE, "console.keep_holds", "hold", ("why",),
            lambda row_id, said: holds.keep_hold(row_id, said.actor, said.why),
        ),
        Act(
            "suspend", "partners", _l("Suspendre"),
            _l("Sessions fermées, e-mails en attente annulés, plus de connexion ; les liens continuent."),
            Permission.MANAGE_PARTNERS, "console.suspend_partners", "partner", ("words", "why"),
            lambda row_id, said: accounts.suspend_partner(row_id, said.actor, said.why, said.words)[1],
            is_severe=True,
        ),
        Act(
            "resume", "partners", _l("Rouvrir"),
            _l("La connexion est de nouveau possible ; les e-mails annulés le restent."),
            Permission.MANAGE_PARTNERS, "console.resume_partners", "partner", ("why",),
            lambda row_id, said: accounts.resume_partner(row_id, said.actor, said.why),
            is_undoable=False,
        ),
    )
}  # fmt: skip

UNDO: Final[Mapping[str, tuple[Permission, Callable[[AuditEntry], object]]]] = {
    "post.approve": (Permission.MODERATE, moderation.undo_moderation),
    "post.refuse": (Permission.MODERATE, moderation.undo_moderation),
    "hold.keep": (Permission.SETTLE, holds.undo_keep),
    "partner.suspend": (
        Permission.MANAGE_PARTNERS,
        lambda entry: accounts.undo_suspension(entry, entry.actor),
    ),
}


def get_act(name: str, list_name: str) -> Act:
    """Raises ``UnknownAct``, also for another list's."""
    act = ACTS.get(name)
    if act is None or act.list_name != list_name:
        raise UnknownAct
    return act


def chosen(ids: Iterable[str]) -> list[str]:
    """Return the ids that were chosen, each once. Raises ``NoRows`` and ``OverTwoHundred``."""
    found = list(dict.fromkeys(ids))
    if not found:
        raise NoRows
    if len(found) > MOST:
        raise OverTwoHundred
    return found


def describe(act: Act, ids: Iterable[str]) -> dict[str, str]:
    """Return what people call each of these rows; one that is not there is not among them."""
    of = lists.get_list(act.list_name)
    rows = {
        getattr(row, of.key.key): row
        for row in db.session.query(of.model).where(of.key.in_(lists.only_ids(ids)))
    }
    if act.list_name == "partners":
        return {row_id: f"{row.name or '–'} · {row.email or '–'}" for row_id, row in rows.items()}
    names = partners.names_of(row.partner_id for row in rows.values())
    says = {row_id: names.get(row.partner_id, "–") for row_id, row in rows.items()}
    if act.list_name == "posts":
        return {row_id: f"« {row.title or '–'} » · {says[row_id]}" for row_id, row in rows.items()}
    return {row_id: f"{says[row_id]} · {in_words(row.reason)}" for row_id, row in rows.items()}


def undo_act(entry_id: str, actor: str) -> AuditEntry:
    """Undo an act of ``actor``'s own. Raises ``NotUndoable`` and what ``core.undo.take`` does."""
    entry = undo.take(entry_id, actor)
    if entry.act not in UNDO:
        raise NotUndoable
    UNDO[entry.act][1](entry)
    return entry


def can_undo(entry: AuditEntry, actor: str) -> bool:
    return entry.actor == actor and entry.act in UNDO and undo.is_open(entry)


def verdict_of(refusal: Refused) -> str:
    """Return in a word why a row was not acted on: it is gone, done already, or refused."""
    if isinstance(refusal, NotFound):
        return "gone"
    return "already" if refusal.status == 409 else "refused"
