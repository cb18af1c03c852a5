import pytest
from django.core.management import CommandError, call_command

from studios.models import Role, Studio, User
from studios.team import owner_is_verified
from tests.support.cast import PASSWORD


def create(**changes: str) -> None:
    call_command(
        "create_studio",
        **{
            "name": "Casa Yoga",
            "slug": "casa",
            "country": "es",
            "owner_email": "paula@studio.test",
            "owner_password": PASSWORD,
        }
        | changes,
    )


def test_it_makes_a_studio_with_a_verified_owner_who_can_sign_in(db: None) -> None:
    create()

    studio = Studio.objects.get(slug="casa")
    paula = User.objects.get(email="paula@studio.test")
    assert (studio.country, studio.timezone) == ("ES", "Europe/Madrid")
    assert studio.memberships.get(user=paula).role == Role.OWNER
    assert paula.check_password(PASSWORD)
    assert owner_is_verified(studio)


def test_a_person_who_is_here_is_taken_as_they_are(olive: User) -> None:
    create(owner_email="Olive@studio.test", owner_password="another password of hers")

    olive.refresh_from_db()
    assert olive.memberships.filter(studio__slug="casa", role=Role.OWNER).exists()
    assert olive.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slug": "lotus"}, "There is a studio with the slug lotus already; nothing was changed."),
        ({"slug": "not a slug"}, "slug: "),
        ({"country": "Spain"}, "country: "),
        ({"owner_email": "paula"}, "email: "),
        ({"owner_password": "short"}, "--owner-password: "),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(
    lotus: Studio, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        create(**changes)

    assert Studio.objects.get() == lotus
    assert not User.objects.exists()
