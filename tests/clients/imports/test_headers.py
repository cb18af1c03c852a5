"""Headers as tools and people write them."""

import pytest

from clients.imports.headers import guessed
from clients.imports.mapping import ColumnMapping, proposed

FIRST, LAST, WHOLE, EMAIL, PHONE, AGREED, UNSUBSCRIBED = (
    "first_name",
    "last_name",
    "full_name",
    "email",
    "phone",
    "agreed",
    "unsubscribed",
)


@pytest.mark.parametrize(
    ("headers", "targets"),
    [
        # Junocal's own export
        (
            "First name,Last name,Email,Phone,Consent,Consent changed,Consent source,Added,Klaviyo",
            [FIRST, LAST, EMAIL, PHONE, AGREED, "", "", "", ""],
        ),
        # Mindbody
        (
            "Client ID,First Name,Last Name,Mobile Phone,Home Phone,Email,Promotional Emails",
            ["", FIRST, LAST, PHONE, "", EMAIL, AGREED],
        ),
        # Momence
        (
            "First name,Last name,E-mail,Phone number,Marketing consent,Home location",
            [FIRST, LAST, EMAIL, PHONE, AGREED, ""],
        ),
        # Glofox
        (
            "Name,Email,Phone,Membership,Marketing Opt-In",
            [WHOLE, EMAIL, PHONE, "", AGREED],
        ),
        # Eversports
        (
            "Vorname,Nachname,E-Mail,Telefon,Geburtstag,Newsletter",
            [FIRST, LAST, EMAIL, PHONE, "", AGREED],
        ),
        # Acuity
        (
            "First Name,Last Name,Phone,Email,Notes,Days Since Last Appointment",
            [FIRST, LAST, PHONE, EMAIL, "", ""],
        ),
        # Mailchimp: who unsubscribed
        (
            "Email Address,First Name,Last Name,Phone Number,MEMBER_RATING,UNSUB_TIME",
            [EMAIL, FIRST, LAST, PHONE, "", UNSUBSCRIBED],
        ),
        # Klaviyo
        (
            "Email,Klaviyo ID,First Name,Last Name,Phone Number,Email Marketing Consent,"
            "Email Suppressions",
            [EMAIL, "", FIRST, LAST, PHONE, AGREED, UNSUBSCRIBED],
        ),
        # By hand
        ("Vorname,Name,Handynummer,E-Mail-Adresse*", [FIRST, LAST, PHONE, EMAIL]),
        (
            "Nombre,Apellidos,Correo electrónico,Móvil,Baja",
            [FIRST, LAST, EMAIL, PHONE, UNSUBSCRIBED],
        ),
        ("Prénom,Nom,Adresse e-mail,Téléphone", [FIRST, LAST, EMAIL, PHONE]),
        ("Nome,Cognome,E-mail,Cellulare,Consenso", [FIRST, LAST, EMAIL, PHONE, AGREED]),
        ("Nome,Apelido,E-mail,Telemóvel", [FIRST, LAST, EMAIL, PHONE]),
        ("Voornaam,Achternaam,E-mailadres,Mobiel", [FIRST, LAST, EMAIL, PHONE]),
        ("Imię,Nazwisko,E-mail,Telefon,Zgoda", [FIRST, LAST, EMAIL, PHONE, AGREED]),
        ("Förnamn,Efternamn,E-post,Mobil", [FIRST, LAST, EMAIL, PHONE]),
        ("Kunde;Notiz".replace(";", ","), [WHOLE, ""]),
        ("A,B,C", ["", "", ""]),
    ],
)
def test_columns_are_guessed(headers: str, targets: list[str]) -> None:
    found = {column: target.value for target, column in guessed(headers.split(",")).items()}

    assert [found.get(column, "") for column, _ in enumerate(targets)] == targets


def test_what_was_said_of_the_same_headers_counts_more_than_a_guess() -> None:
    said = ColumnMapping(["email", "", "agreed"], {"2": {"x": "yes", "*": ""}})

    mapping = proposed(["Kreuz", "Email", "Name"], said, ["Email", "Name", "Kreuz"])

    assert mapping.targets == ["agreed", "email", ""]
    assert mapping.meanings == {"0": {"x": "yes", "*": ""}}


def test_a_yes_is_never_proposed_for_a_word_that_nobody_explained() -> None:
    mapping = proposed(["Email", "Newsletter"], ColumnMapping(), [])

    assert mapping.targets == ["email", "agreed"]
    assert mapping.meanings == {}
