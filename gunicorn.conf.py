"""What gunicorn reads beside its command line: its own lines look like everybody's.

It has no access log here, whose lines carry queries; `junocal.middleware.request_log` says more.
"""

from junocal.settings import LOGGING

logconfig_dict = LOGGING
