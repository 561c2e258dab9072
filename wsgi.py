"""The application for any WSGI host: ``gunicorn wsgi:app``, ``flask --app wsgi …``."""

import sys

from contentflow import create_app
from contentflow.config import WrongSetting

try:
    app = create_app()
except WrongSetting as error:
    sys.exit(str(error))
