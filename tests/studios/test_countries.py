import zoneinfo

import pytest
from django.core.exceptions import ValidationError
from django.test import Client as Browser

from studios.countries import (
    ALL_ZONES,
    COUNTRIES,
    likely_country,
    likely_zone,
    validate_zone,
    zone_choices,
)


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("DE", "Europe/Berlin"),
        ("GB", "Europe/London"),
        ("US", "America/New_York"),
        ("AU", "Australia/Sydney"),
        ("BR", "America/Sao_Paulo"),
        ("BV", "UTC"),  # an island without people or a zone
    ],
)
def test_the_likely_zone_is_where_most_people_live(country: str, zone: str) -> None:
    assert likely_zone(country) == zone


def test_every_country_has_a_zone_that_exists() -> None:
    guesses = {likely_zone(code) for code, _name in COUNTRIES}

    assert len(COUNTRIES) > 200
    assert guesses <= zoneinfo.available_timezones()
    assert set(ALL_ZONES) <= zoneinfo.available_timezones()


def test_a_countrys_own_zones_stand_first() -> None:
    (here, own), (_elsewhere, others) = zone_choices("PT")

    assert here == "Here"
    assert [zone for zone, _name in own] == ["Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"]
    assert ("America/New_York", "America/New York") in others


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        validate_zone("Europe/Atlantis")


@pytest.mark.parametrize(
    ("languages", "country"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "AT"),
        ("de,en-GB;q=0.7", "GB"),
        ("zh-Hant-TW", "TW"),
        ("en-us", "US"),
        ("de", ""),
        ("es-419,es;q=0.9", ""),
        ("xx-ZZ, *;q=0.1", ""),
        ("", ""),
    ],
)
def test_the_country_that_a_browser_names_is_likely(languages: str, country: str) -> None:
    assert likely_country(languages) == country


def test_sign_up_has_it_chosen(client: Browser, db: None) -> None:
    page = client.get("/accounts/signup/", headers={"Accept-Language": "de-AT"}).content.decode()

    assert '<option value="AT" selected>' in page
