"""``contentflow init``: asks what a programme cannot start without, makes its keys and writes ``.env``."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Final

import click
from dotenv import dotenv_values

from contentflow.config import ROOT, WrongSetting, load
from contentflow.terminal_language import says

# What is asked of a person who gave no option: setting, question.
QUESTIONS: Final = {
    "PUBLIC_BASE_URL": says("Adresse publique, https://…"),
    "EMAIL_FROM": says("Adresse qui envoie les e-mails"),
    "SMTP_URL": says("Serveur d’e-mails, smtps://nom:mot-de-passe@serveur:465 (vide : Brevo)"),
    "BREVO_API_KEY": says("Clé de Brevo (vide : pas de Brevo)"),
    "PROGRAMME_NAME": says("Nom du programme"),
    "PROGRAMME_PUBLISHER": says("Éditeur : société, forme, capital, immatriculation"),
    "PROGRAMME_ADDRESS": says("Adresse postale de l’éditeur"),
    "PROGRAMME_HOST": says("Hébergeur : nom, adresse, téléphone"),
    "PROGRAMME_CONTACT": says("Où écrire au programme"),
}


@click.command("init", help=says("Écrit un .env complet, avec des clés neuves, et le vérifie."))
@click.option("--url", "public_base_url", help=says("l’adresse que les gens voient, https://…"))
@click.option("--from", "email_from", help=says("l’adresse qui envoie les e-mails"))
@click.option("--smtp-url", help=says("le serveur d’e-mails"))
@click.option("--brevo-api-key", help=says("la clé de Brevo"))
@click.option("--no-mail", is_flag=True, help=says("aucun e-mail : connexions par « partner login-link »"))
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help=says("tout autre réglage"))
@click.option("--file", "path", type=click.Path(path_type=Path), default=ROOT / ".env", show_default=True)
@click.option("--json", is_flag=True, expose_value=False, help=says("accepté, comme partout"))
def init_command(given: tuple[str, ...], no_mail: bool, path: Path, **named: str | None) -> None:
    if path.exists():
        raise click.ClickException(says("%s existe déjà : rien n’est changé.") % path)
    answers = {name.upper(): value for name, value in named.items() if value}
    for setting in given:
        name, mark, value = setting.partition("=")
        if not mark or not name.isupper():
            raise click.BadParameter("NAME=VALUE", param_hint="--set")
        answers[name] = value
    if no_mail:
        answers["MAIL_TRANSPORT"] = "none"
    if sys.stdin.isatty():
        # Ask for what no option said; an empty answer leaves the default.
        asked = dict(answers)
        for name, question in QUESTIONS.items():
            is_mail = name in ("EMAIL_FROM", "SMTP_URL", "BREVO_API_KEY")
            has_service = asked.get("SMTP_URL") and name == "BREVO_API_KEY"
            if name not in asked and not (no_mail and is_mail) and not has_service:
                asked[name] = str(click.prompt(question, default="", show_default=False)).strip()
        answers = {name: value for name, value in asked.items() if value}
    write_settings(path, answers)
    click.echo(path)
    click.echo(
        says("Gardez SECRET_KEY et BACKUP_PASSPHRASE ailleurs aussi : sans elles, rien ne s’ouvre."), err=True
    )


def write_settings(path: Path, answers: Mapping[str, str]) -> None:
    """Write ``.env`` for its user alone, with fresh keys, once the product would start with it.

    Raises ``WrongSetting``, and ``FileExistsError`` where somebody was faster.
    """
    keys = {"SECRET_KEY": secrets.token_urlsafe(48), "BACKUP_PASSPHRASE": secrets.token_urlsafe(24)}
    chosen = {**keys, **answers}
    # Single quotes keep “#”, “$” and blanks as they are.
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in chosen.items()}
    text = "".join(f"{name}='{value}'\n" for name, value in quoted.items())
    read = dotenv_values(stream=StringIO(text))
    for name, value in chosen.items():
        if read.get(name) != value:
            raise WrongSetting(name, "…", "a value that .env can hold: no line break, no quotes with ${")
    load(chosen)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
