"""A bad day at the token endpoint is forgotten once it answers."""

import pytest

from integrations.klaviyo import budgets, tokens
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.models import RateBudget
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import Connect
from tests.klaviyo.scenes import time_passes

pytestmark = pytest.mark.django_db


def test_failures_of_the_token_endpoint_end_with_its_first_answer(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault("503", operation="oauth_refresh", times=1)
    with pytest.raises(Throttled):
        tokens.refresh(connection)
    assert RateBudget.objects.get(operation=budgets.REFRESH).failures == 1

    time_passes()
    tokens.refresh(connection)

    assert RateBudget.objects.get(operation=budgets.REFRESH).failures == 0
