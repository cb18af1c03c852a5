"""What gunicorn serves: `gunicorn junocal.wsgi`. Keys that don't open what is stored stop it."""

import logging
import os

from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")

application = get_wsgi_application()

from integrations.klaviyo.checks import require_keys  # noqa: E402 (its models need the line above)

try:
    require_keys()
except DatabaseError:
    # Away, or not migrated yet: then /readyz says so, and there is nothing to open.
    logging.getLogger(__name__).warning("the keys could not be tried: the database can't be asked")
