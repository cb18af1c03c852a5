"""What is sent of a client is also looked for in a change: one list says it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import models

from clients.models import Client
from clients.models.client import DETAILS
from integrations.klaviyo.contract import PROFILE_FIELDS
from integrations.klaviyo.models.digest import digest
from integrations.klaviyo.sync import profile
from studios.models import Studio

pytestmark = pytest.mark.django_db

OTHER_VALUES: "dict[type[models.Field[Any, Any]], Any]" = {
    models.CharField: "another",
    models.TextField: "another",
    models.BooleanField: False,
    models.DateTimeField: datetime(2020, 2, 2, tzinfo=UTC),
    models.PositiveIntegerField: 77,
}
# Says which client it is; and what a constraint keeps from changing alone.
IDENTITY = {"id", "public_id", "studio", "unsubscribe_token", "klaviyo_profile_id", "opted_out_at"}
COLUMNS = [field for field in Client._meta.concrete_fields if field.name not in IDENTITY]


@pytest.fixture
def ana(lotus: Studio) -> Client:
    return Client.objects.create(
        studio=lotus,
        first_name="Ana",
        last_name="Pereira",
        email="ana@lotus.test",
        phone="+4930901820",
        email_opt_in=True,
    )


def sent_of(client: Client) -> dict[str, Any]:
    return profile.attributes(client, address=client.address, sent_before=())


def digest_of(client: Client) -> str:
    return str(Client.objects.annotate(now=digest()).values_list("now", flat=True).get())


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_column_that_changes_what_is_sent_changes_the_digest(
    ana: Client, column: "models.Field[Any, Any]"
) -> None:
    sent, known = sent_of(ana), digest_of(ana)

    Client.objects.update(**{column.name: OTHER_VALUES[type(column)]})

    changed = sent_of(Client.objects.get()) != sent
    assert not changed or digest_of(ana) != known, (
        f"{column.name} is sent and not in the digest: a change of it alone would never be sent."
    )


def test_each_listed_field_is_one_of_the_clients_details_and_is_sent(ana: Client) -> None:
    assert set(PROFILE_FIELDS.values()) <= set(DETAILS)
    assert set(PROFILE_FIELDS) <= set(sent_of(ana))
