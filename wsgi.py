"""The application for any WSGI host: ``gunicorn wsgi:app``, ``flask --app wsgi …``."""

import sys

from contentflow import start
from contentflow.config import WrongSetting
from contentflow.links.folding import Folding

try:
    app = start()
except WrongSetting as error:
    sys.exit(str(error))
Folding(app, is_backup=True).start()
