"""Why a run or a payout says no."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import NotFound, Refused


class UnknownRun(NotFound):
    message = _l("Ce lot de versements n’existe pas.")


class UnknownPayout(NotFound):
    message = _l("Ce versement n’existe pas.")


class WrongRunMonth(Refused):
    message = _l("Un mois s’écrit AAAA-MM, par exemple 2026-11.")


class MonthNotOver(Refused):
    message = _l("Ce mois n’est pas fini : seuls les mois révolus sont versés.")


class WrongYear(Refused):
    message = _l("Une année s’écrit en quatre chiffres, par exemple 2026.")


class WrongDay(Refused):
    message = _l("Un jour s’écrit AAAA-MM-JJ, et n’est ni avant le lot ni dans l’avenir.")


class MonthHasRun(Refused):
    """``run_id`` is the run that is there already."""

    status = 409
    message = _l("Ce mois a déjà son lot. Pour en préparer un autre, retirez-le d’abord.")

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id


class NothingToPay(Refused):
    message = _l("Ce lot ne verse rien à personne.")


class PayoutsInQuarantine(Refused):
    status = 409
    message = _l(
        "Ce programme a été restauré : l’original a peut-être déjà versé. Vérifiez à la banque, puis lancez "
        "« contentflow restore --go-live payouts »."
    )


class Moved(Refused):
    status = 409
    message = _l(
        "Quelque chose a changé depuis : voici ce qui serait versé maintenant. Relisez, puis recommencez."
    )


class WrongState(Refused):
    status = 409
    message = _l("Ce lot n’en est pas là : la page dit où il en est.")


class AnotherProposed(Refused):
    status = 409
    message = _l("Un autre lot attend d’être approuvé : approuvez-le ou retirez-le d’abord.")


class SamePerson(Refused):
    status = 403
    message = _l("Vous avez proposé ce lot : une autre personne doit l’approuver.")


class TooSoonAlone(Refused):
    status = 403
    message = _l("Vous êtes seul à pouvoir approuver : attendez que le délai fixé soit passé.")


class ApprovalUnderWay(Refused):
    status = 409
    message = _l("Les factures de ce lot sont en préparation : attendez la fin.")


class CodeNeeded(Refused):
    message = _l("Donnez un code de votre second facteur, qui n’a pas encore servi.")


class NoFile(Refused):
    status = 409
    message = _l("Ce lot n’a pas de fichier : il n’est pas approuvé, ou plus rien n’y est à virer.")


class WrongOutcome(Refused):
    message = _l("L’issue est l’une de : versé, rejeté, revenu.")


class CannotSettle(Refused):
    status = 409
    message = _l("Ce virement n’attend pas cette issue.")


class WhyMissing(Refused):
    message = _l("Écris en une phrase ce qui ne va pas : l’équipe la lira.")


class ContestOver(Refused):
    status = 409
    message = _l("Le délai pour contester cette facture est passé, ou elle l’est déjà.")


class AnswerMissing(Refused):
    message = _l("Dites au partenaire, en une phrase, pourquoi : il la lira.")


class WrongAnswer(Refused):
    message = _l("La réponse est l’une de : la facture reste, le partenaire a raison.")


class NothingToAnswer(Refused):
    status = 409
    message = _l("Cette facture n’attend pas de réponse.")


class UnknownExport(Refused):
    message = _l("Cet export n’existe pas.")


class InvoiceFailed(Refused):
    """A document did not pass its check: the whole run stays unapproved."""

    status = 409
    message = _l("Une facture n’a pas passé le contrôle : rien n’est approuvé.")

    def __init__(self, who: str, what: str) -> None:
        super().__init__(what)
        self.who, self.what = who, what
