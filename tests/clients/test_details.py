"""One list says what is edited of a client: the form, the admin and the history go by it."""

import pytest

from clients.admin import ClientAdmin, ClientAdminForm
from clients.editing import ABOUT_CONSENT
from clients.forms import ClientForm
from clients.models import Client, ClientEvent
from clients.models.client import DETAILS
from tests.clients.conftest import Desk, address_of

pytestmark = pytest.mark.django_db

# Where no plain word will do.
TYPED = {"email": "new@example.com", "phone": "030 123456"}


def test_the_form_asks_for_each_and_for_consent() -> None:
    assert tuple(ClientForm.base_fields) == (*DETAILS, *ABOUT_CONSENT, "form_key")


def test_the_admin_shows_each_and_consent() -> None:
    assert tuple(ClientAdminForm.base_fields) == (*DETAILS, *ABOUT_CONSENT)
    assert {*DETAILS, *ABOUT_CONSENT} <= set(ClientAdmin.fields)


@pytest.mark.parametrize("field", DETAILS)
def test_the_page_asks_for_each_and_shows_what_is_known(
    fays_desk: Desk, ana: Client, field: str
) -> None:
    typed = TYPED.get(field, "New")

    fays_desk.edit(ana, **{field: typed})
    page = fays_desk.browser.get(address_of("edit", ana)).content.decode()

    assert f'name="{field}" value="{typed}"' in page


@pytest.mark.parametrize("field", DETAILS)
def test_a_change_of_each_is_saved_and_in_the_history(
    fays_desk: Desk, ana: Client, field: str
) -> None:
    before = getattr(ana, field)

    fays_desk.edit(ana, **{field: TYPED.get(field, "New")})

    ana.refresh_from_db()
    assert getattr(ana, field) not in ("", before)
    assert ana.events.get(what=ClientEvent.What.EDITED).fields == [field]


def test_a_save_puts_back_nothing_that_an_integration_wrote_meanwhile(ana: Client) -> None:
    Client.objects.filter(pk=ana.pk).update(klaviyo_profile_id="01H")

    ana.save()

    ana.refresh_from_db()
    assert ana.klaviyo_profile_id == "01H"
