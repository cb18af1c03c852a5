from functools import partial

import pytest

from studios.creation import create_studio
from studios.models import Membership, Role, Studio, User
from tests.support.cast import make_user
from tests.support.threads import at_once


def test_a_founder_owns_the_studio_and_its_times_are_local(stan: User) -> None:
    studio = create_studio("Müller Yoga", "PT", owner=stan)

    assert studio.slug == "muller-yoga"
    assert studio.timezone == "Europe/Lisbon"
    assert Membership.objects.get(studio=studio).user == stan
    assert Membership.objects.get(studio=studio).role == Role.OWNER


def test_studios_of_one_name_get_numbered_slugs(stan: User) -> None:
    slugs = [create_studio("Lotus", "DE", owner=stan).slug for _ in range(3)]

    assert slugs == ["lotus", "lotus-2", "lotus-3"]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("瑜伽", "studio"),
        ("!!!", "studio"),
        ("Йога Berlin", "berlin"),
        ("Admin", "admin-2"),
        ("Settings", "settings-2"),
        ("_", "studio"),
        ("y" * 120, "y" * 50),
    ],
)
def test_any_name_makes_a_slug_that_an_address_can_carry(stan: User, name: str, slug: str) -> None:
    assert create_studio(name, "DE", owner=stan).slug == slug


def test_a_mistake_other_than_a_taken_slug_is_not_tried_for_ever(stan: User) -> None:
    with pytest.raises(Exception, match="studio_country_is_two_capitals"):
        create_studio("Lotus", "xx", owner=stan)


@pytest.mark.django_db(transaction=True)
def test_studios_founded_in_the_same_instant_get_slugs_of_their_own() -> None:
    founders = [make_user(name) for name in ("Ann", "Bo", "Cy", "Di")]

    at_once(*(partial(create_studio, "Lotus", "DE", owner=founder) for founder in founders))

    slugs = set(Studio.objects.values_list("slug", flat=True))
    assert slugs == {"lotus", "lotus-2", "lotus-3", "lotus-4"}
