"""``contentflow partner …``."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from flask_babel import ngettext

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.core.terminal import Said
from contentflow.partners import accounts, services, team
from contentflow.partners.login_mail import login_url
from contentflow.partners.models import PartnerAccount
from contentflow.partners.roles import TeamRole
from contentflow.terminal_language import says

ACTOR = "cli"
group = AppGroup("partner", help=says("Qui partage."))
language_option = click.option(
    "--language",
    type=click.Choice(["fr", "en"]),
    default="fr",
    show_default=True,
    help=says("langue de l’invitation"),
)


@terminal.command(
    group,
    "add",
    says("Ajoute un partenaire et donne son identifiant ; pour une adresse connue, redonne le sien."),
)
@click.argument("email")
@click.option("--name", default="", help=says("tel que le programme le montre"))
@click.option("--operator", is_flag=True, help=says("peut ouvrir la console"))
@click.option("--invite", is_flag=True, help=says("lui envoie un lien de connexion de 24 heures"))
@language_option
def add(email: str, name: str, operator: bool, invite: bool, language: str) -> dict[str, str]:
    with transaction():
        known = services.find_partner_by_email(email)
        partner_id = services.add_partner(email, name, operator).id
        if invite:
            accounts.invite(email, language, ACTOR)
    if known is not None:
        sentence = _(
            "Cette adresse est déjà celle d’un partenaire : rien n’est changé, voici son identifiant."
        )
        click.echo(sentence, err=True)
    return {"id": partner_id}


@terminal.command(
    group,
    "login-link",
    says("Donne un lien de connexion : une fois, 10 minutes ; les plus anciens finissent."),
)
@click.argument("email")
def login_link(email: str) -> dict[str, str]:
    with transaction():
        return {"url": login_url(services.make_login_link(email))}


@terminal.command(
    group, "invite", says("Envoie un lien de connexion de 24 heures ; les plus anciens finissent.")
)
@click.argument("email")
@language_option
def invite(email: str, language: str) -> Said:
    with transaction():
        accounts.invite(email, language, ACTOR)
    return Said({"invited": email}, _("L’invitation part : son lien vaut 24 heures et ne sert qu’une fois."))


@terminal.command(group, "list", says("Montre les partenaires, les plus récents d’abord."))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_partners(limit: int) -> list[PartnerAccount]:
    return [partner.to_account() for partner in accounts.list_partners(limit)]


@terminal.command(group, "show", says("Montre un partenaire."))
@click.argument("email")
def show(email: str) -> dict[str, Any]:
    partner = accounts.get_partner_at(email)
    return {**partner.to_account(), "role": partner.role, "sessions": accounts.open_sessions(partner.id)}


@terminal.command(
    group, "set", says("Change ce qui est donné ; une nouvelle adresse ferme sessions et liens de connexion.")
)
@click.argument("email")
@click.option("--name", help=says("tel que le programme le montre"))
@click.option("--email", "new_email", metavar="NEW", help=says("sa nouvelle adresse"))
@click.option(
    "--operator/--no-operator", default=None, help=says("peut ouvrir la console, ou ne le peut plus")
)
def change(email: str, name: str | None, new_email: str | None, operator: bool | None) -> PartnerAccount:
    with transaction():
        partner = accounts.change(email, ACTOR, name=name, new_email=new_email, is_operator=operator)
        return partner.to_account()


@terminal.command(
    group, "role", says("Donne un rôle dans la console : owner, operator, accountant, reader ; none l’ôte.")
)
@click.argument("email")
@click.argument("role", type=click.Choice([*(each.value for each in TeamRole), "none"]))
@click.option("--reason", default="", help=says("pourquoi ; la raison reste dans le journal"))
def change_role(email: str, role: str, reason: str) -> dict[str, Any]:
    with transaction():
        partner = accounts.set_role(email, team.read_role(role), ACTOR, reason)
        return {**partner.to_account(), "role": partner.role}


@terminal.command(
    group,
    "second-factor-reset",
    says("Ôte le second facteur d’une personne et ferme ses sessions ; un e-mail le lui dit."),
)
@click.argument("email")
@click.option("--reason", default="", help=says("pourquoi ; la raison reste dans le journal"))
def reset_second_factor(email: str, reason: str) -> Said:
    with transaction():
        accounts.reset_second_factor(email, ACTOR, reason)
    return Said({"state": "reset"}, _("C’est fait : un nouveau second facteur sera demandé à la console."))


@terminal.command(
    group,
    "suspend",
    says("Suspend le compte : ni connexion ni session, e-mails en attente annulés ; les liens continuent."),
)
@click.argument("email")
def suspend(email: str) -> Said:
    with transaction():
        cancelled = accounts.suspend(email, ACTOR)
    sentence = ngettext(
        "Le compte est suspendu, %(num)s e-mail en attente est annulé ; les liens continuent.",
        "Le compte est suspendu, %(num)s e-mails en attente sont annulés ; les liens continuent.",
        cancelled,
    )
    return Said({"state": "suspended", "cancelled": cancelled}, sentence)


@terminal.command(group, "resume", says("Rouvre un compte suspendu ; les e-mails annulés le restent."))
@click.argument("email")
def resume(email: str) -> Said:
    with transaction():
        accounts.resume(email, ACTOR)
    return Said({"state": "active"}, _("Le compte est rouvert : une nouvelle connexion est possible."))
