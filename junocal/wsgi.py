"""What gunicorn serves: `gunicorn junocal.wsgi`. It won't start with keys that open no token."""

import logging
import os

from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")

application = get_wsgi_application()

from integrations.registry import registered  # noqa: E402 (its models need the line above)

try:
    for integration in registered():
        integration.require_ready()
except DatabaseError:
    # Away, or not migrated yet: then /readyz says so, and there is nothing to open.
    logging.getLogger(__name__).warning("the keys could not be tried: the database can't be asked")
