"""The application for any WSGI host: ``gunicorn wsgi:app``, ``flask --app wsgi …``."""

import sys

from contentflow import create_app
from contentflow.config import WrongSetting
from contentflow.core.private import keep_to_ourselves

keep_to_ourselves()
try:
    app = create_app()
except WrongSetting as error:
    sys.exit(str(error))
