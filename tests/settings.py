"""Junocal's settings for tools that load them without an environment of their own, as mypy does."""

import os

from tests.support.environment import ENVIRONMENT, NOWHERE

os.environ.update({**NOWHERE, **ENVIRONMENT})

from junocal.settings import *  # noqa: F403
