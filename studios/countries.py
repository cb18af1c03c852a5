"""Countries and their time zones, from the tables that come with the `tzdata` package."""

from importlib.resources import files

from django.core.exceptions import ValidationError

# The table puts these countries' zones in an order of their geography; here is where most live.
MOST_POPULOUS = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "PS": "Asia/Hebron",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
PLAIN_NAMES = {"GB": "United Kingdom", "KR": "South Korea", "KP": "North Korea", "WS": "Samoa"}


def rows(table: str) -> list[list[str]]:
    lines = (files("tzdata") / "zoneinfo" / table).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def country_names() -> list[tuple[str, str]]:
    names = {code: PLAIN_NAMES.get(code, name) for code, name in rows("iso3166.tab")}
    return sorted(names.items(), key=lambda pair: pair[1])


def zones_by_country() -> dict[str, list[str]]:
    zones: dict[str, list[str]] = {}
    for code, _place, zone, *_comment in rows("zone.tab"):
        zones.setdefault(code, []).append(zone)
    return zones


COUNTRIES = country_names()
ZONES = zones_by_country()
ALL_ZONES = sorted({zone for zones in ZONES.values() for zone in zones} | {"UTC"})


def likely_zone(country: str) -> str:
    """The zone that most people of a country live by; Settings lets its studio choose another."""
    return MOST_POPULOUS.get(country) or next(iter(ZONES.get(country, [])), "UTC")


def likely_country(accept_language: str) -> str:
    """The first country that a browser's languages name (RFC 9110, section 12.5.4); blank where
    none does: a language alone is spoken in many."""
    for language in accept_language.split(","):
        tags = language.partition(";")[0].strip().upper().split("-")[1:]
        for tag in tags:
            if tag in ZONES:
                return tag
    return ""


def zone_choices(country: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """All zones for a select, the country's own first."""
    own = ZONES.get(country, [])
    others = [zone for zone in ALL_ZONES if zone not in own]
    return [("Here", named(own)), ("Elsewhere", named(others))]


def named(zones: list[str]) -> list[tuple[str, str]]:
    return [(zone, zone.replace("_", " ")) for zone in zones]


def validate_zone(zone: str) -> None:
    if zone not in ALL_ZONES:
        raise ValidationError("Choose a time zone from the list.")
