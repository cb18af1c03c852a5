"""The demo's lists of clients: always the same ones, as untidy as real lists are.

Addresses are at domains reserved for examples, numbers in ranges that regulators keep for films.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from clients.models import ConsentSource
from dev.seed.names import Name, full_names

DOMAINS = ("example.com", "example.com", "example.org", "example.net", "mail.example")
SPELLINGS = ("{0}.{1}@{2}", "{0}.{1}@{2}", "{0}{1}@{2}", "{0}_{1}@{2}", "{0}.{1}+yoga@{2}")
# A block of mobile numbers each for the first, second and further hundreds of clients.
MOBILES = {
    "DE": ("0171 39200{:02}", "0176/040690{:02}", "040 669690{:02}"),
    "GB": ("07700 9000{:02}", "07700 9001{:02}", "07700 9002{:02}"),
}
OTHERS = {
    "DE": ("(030) 23125 {:03}", "+49 30 23125{:03}", "004989 99998{:03}", "+44 7700 900{:03}"),
    "GB": ("020 7946 0{:03}", "+44 20 7946 0{:03}", "0161 496 0{:03}", "+49 30 23125{:03}"),
}
FAMILIES = 60  # one in so many shares the phone of the one before, and has no address
SOURCES_OF_NO = (ConsentSource.FOOTER, ConsentSource.ONE_CLICK, ConsentSource.STAFF)


@dataclass(frozen=True)
class Person:
    """A client as the desk typed them."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    agreed: bool = True
    left_by: ConsentSource | None = None  # how they opted out
    known_for_days: int = field(default=30, compare=False)


# Known by name to `profiles.json`, the sandbox's profiles that were there before.
LOTUS_REGULARS = (
    Person("Ana", "Pereira", "Ana.Pereira@Example.com", "+44 7700 900901"),
    Person("Jonas", "Weber", "jonas.weber@example.org", "030 23125901"),
    Person("Sofia", "Rossi", "SOFIA.ROSSI@EXAMPLE.NET", "(030) 23125 902"),
    Person("Emre", "Yılmaz", "emre.yilmaz@example.com", "030/23125912"),
    Person(
        "Mia", "Schulz", "mia.schulz@example.net", "004930 23125903", left_by=ConsentSource.FOOTER
    ),
    Person(
        "Lukas", "Brandt", "Lukas.Brandt@example.com", "030 23125904", left_by=ConsentSource.STAFF
    ),
    Person("Hannah", "Brandt", "hannah.brandt@example.com", "030 23125904"),
    Person("Paul", "Brandt", "", "030 23125904", agreed=False),
    Person("Nora", "", "nora@example.org", ""),
    Person("", "", "Studio-Gast@Example.org", "", agreed=False),
)


def lotus() -> Sequence[Person]:
    return [*LOTUS_REGULARS, *people(250 - len(LOTUS_REGULARS), "DE", opted_out=10)]


def stans() -> Sequence[Person]:
    return list(people(40, "GB", opted_out=2))


def people(number: int, country: str, *, opted_out: int) -> Iterator[Person]:
    """So many different people, always the same; the last `opted_out` of them opted out."""
    chance = Random(f"junocal {country}")  # noqa: S311 (the same list every time is meant)
    before = Person()
    for place, (first, last) in enumerate(chance.sample(full_names(), number)):
        person = someone(first, last, country, place, chance)
        if place % FAMILIES == FAMILIES - 1:
            person = replace(person, last_name=before.last_name, phone=before.phone, email="")
        if place >= number - opted_out:
            person = replace(person, agreed=True, left_by=SOURCES_OF_NO[place % len(SOURCES_OF_NO)])
        before = person
        yield person


def someone(first: Name, last: Name, country: str, place: int, chance: Random) -> Person:
    email = chance.choice(SPELLINGS).format(first[1], last[1], chance.choice(DOMAINS))
    typed = chance.choice((str, str, str, str.title, str.upper))
    return Person(
        first[0],
        last[0],
        typed(email) if chance.random() < 0.92 else "",
        phone_of(country, place, chance) if chance.random() < 0.75 else "",
        agreed=chance.random() < 0.84,
        known_for_days=chance.randrange(20, 900),
    )


def phone_of(country: str, place: int, chance: Random) -> str:
    """A phone number for this place in the list; no other place gets the same."""
    if chance.random() < 0.6:
        return MOBILES[country][place // 100].format(place % 100)
    return chance.choice(OTHERS[country]).format(place)
