"""No attack: let a product of one's own close today, as it would at midnight in France, and pay its clicks.

DATA_DIR=… python attacks/next_day.py      (in the product's environment; what it pays stays paid)
"""

from __future__ import annotations

from datetime import timedelta

from contentflow import create_app
from contentflow.conversions import click_commissions
from contentflow.core import clock

if __name__ == "__main__":
    with create_app().app_context(), clock.telling(clock.now() + timedelta(days=1)):
        click_commissions.pay_closed_days()
