"""``contentflow partner …``."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.partners import services
from contentflow.partners.login_mail import login_url

group = AppGroup("partner", help="Who shares.")


@terminal.command(group, "add")
@click.argument("email")
@click.option("--name", default="", help="as the programme shows it")
@click.option("--operator", is_flag=True, help="may open the console")
def add(email: str, name: str, operator: bool) -> dict[str, str]:
    """Add a partner and print their id; a known address prints its id again."""
    with transaction():
        return {"id": services.add_partner(email, name, operator).id}


@terminal.command(group, "login-link")
@click.argument("email")
def login_link(email: str) -> dict[str, str]:
    """Print a login URL for any browser: one use, 10 minutes; older links end."""
    with transaction():
        return {"url": login_url(services.make_login_link(email))}
