from allauth.account.models import EmailAddress
from django.test import Client as Browser

from studios.models import User
from tests.support.cast import make_user, sign_in

ADD = {"email": "second@studio.test", "action_add": ""}


def test_who_signed_up_as_somebody_else_leaves_no_address_behind(client: Browser, db: None) -> None:
    impostor = make_user("Nora Nilsen", verified=False)
    sign_in(client, impostor)

    answer = client.post("/accounts/email/", ADD)

    assert "Confirm your first address" in answer.content.decode()
    assert not EmailAddress.objects.filter(email=ADD["email"]).exists()


def test_a_proved_person_adds_a_second_address_and_no_third(client: Browser, stan: User) -> None:
    sign_in(client, stan)

    client.post("/accounts/email/", ADD)
    client.post("/accounts/email/", ADD | {"email": "third@studio.test"})

    added = EmailAddress.objects.filter(user=stan, primary=False)
    assert [address.email for address in added] == ["second@studio.test"]
