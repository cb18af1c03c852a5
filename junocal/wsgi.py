"""What gunicorn serves: `gunicorn junocal.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")

application = get_wsgi_application()
