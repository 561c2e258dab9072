"""What an offer is about, and what French law bans or closes to commercial influence. Pure.

Law 2023-451 of 9 June 2023, article 4 (https://www.legifrance.gouv.fr/loda/id/JORFTEXT000047663185),
and the codes it points to. A ban that has exceptions (gambling on platforms that exclude minors,
registered crypto-asset providers) is refused too: this programme cannot check the exception.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import lazy_gettext as _l

ALLOWED: Final = (
    "software",
    "ai",
    "books",
    "courses",
    "audio",
    "video",
    "fashion",
    "beauty",
    "home",
    "food",
    "sport",
    "travel",
    "games",
    "culture",
    "services",
    "other",
)
BANNED: Final[Mapping[str, object]] = {
    "cosmetic_surgery": _l("la chirurgie et la médecine esthétiques (loi 2023-451, art. 4, I)"),
    "therapeutic_abstention": _l(
        "l’abstention thérapeutique et ce qui prétend remplacer un soin (art. 4, II)"
    ),
    "nicotine": _l("le tabac, le vapotage et les produits à la nicotine (art. 4, III)"),
    "wild_animals": _l("les mises en scène d’animaux sauvages (art. 4, IV)"),
    "risky_finance": _l("les contrats financiers à risque (art. 4, V)"),
    "crypto": _l("les actifs numériques (art. 4, V)"),
    "sports_tips": _l("les abonnements à des pronostics sportifs (art. 4)"),
    "gambling": _l("les jeux d’argent, sauf sur des plateformes fermées aux mineurs (art. 4)"),
    "training_fund": _l("l’inscription à une formation financée par un compte personnel (code du travail)"),
    "medicines": _l("les médicaments et les dispositifs médicaux (code de la santé publique)"),
    "alcohol": _l("l’alcool (code de la santé publique, art. L. 3323-2)"),
    "weapons": _l("les armes (code de la sécurité intérieure)"),
    "counterfeit": _l("la contrefaçon (code de la propriété intellectuelle)"),
}
