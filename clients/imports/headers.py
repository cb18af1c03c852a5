"""What a column is, by the words above it: in the languages of our studios, and in those of the
tools that they come from (Mindbody, Momence, Glofox, Eversports, Acuity, Mailchimp, Klaviyo).

Pure. A word that means the whole name in one list and half of it in another is decided by what
else is there.
"""

from collections.abc import Sequence
from enum import StrEnum

from clients.folding import PUNCTUATION, folded


class Target(StrEnum):
    """What a column of a list can be."""

    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    EMAIL = "email"
    PHONE = "phone"
    AGREED = "agreed"
    UNSUBSCRIBED = "unsubscribed"


LABELS = {
    Target.FIRST_NAME: "First name",
    Target.LAST_NAME: "Last name",
    Target.FULL_NAME: "Whole name",
    Target.EMAIL: "Email",
    Target.PHONE: "Phone",
    Target.AGREED: "Agreed to emails",
    Target.UNSUBSCRIBED: "Unsubscribed",
}
ABOUT_CONSENT = (Target.AGREED, Target.UNSUBSCRIBED)

# Folded, in the order in which they are preferred: of several phones, the mobile one.
WORDS = {
    Target.EMAIL: """
        email address, email, e mail address, e mail, mail, mail address, client email,
        customer email, member email, primary email, email 1, e mail adresse, email adresse,
        mailadresse, emailadresse, correo electronico, correo, adresse e mail, adresse email,
        adresse mail, courriel, indirizzo email, indirizzo e mail, posta elettronica, endereco de
        email, e mailadres, emailadres, e post, epost, e postadress, e postadresse, sahkoposti,
        adres e mail, e mail 1
    """,
    Target.FIRST_NAME: """
        first name, firstname, first, given name, forename, client first name, customer first name,
        member first name, vorname, prenom, primer nombre, primeiro nome, voornaam, fornavn,
        fornamn, imie, etunimi, jmeno, krestni jmeno, keresztnev, prenume, ime, onoma, ad
    """,
    Target.LAST_NAME: """
        last name, lastname, last, surname, family name, client last name, customer last name,
        member last name, nachname, familienname, zuname, nom de famille, apellidos, apellido,
        cognome, sobrenome, apelido, achternaam, etternavn, efternavn, efternamn, nazwisko,
        sukunimi, prijmeni, vezeteknev, nume, prezime, eponymo, soyad
    """,
    Target.FULL_NAME: """
        full name, fullname, client name, customer name, member name, contact name, display name,
        name, client, customer, member, kundenname, kunde, kundin, teilnehmer, mitglied,
        vollstandiger name, vor und nachname, nom complet, nom et prenom, nom, nombre completo,
        nombre y apellidos, nombre, nome completo, nome e cognome, nome, naam, volledige naam,
        navn, namn, nimi
    """,
    Target.PHONE: """
        mobile phone, mobile number, mobile, cell phone, cell, cellphone, mobilnummer, mobil,
        mobiltelefon, handy, handynummer, portable, telephone portable, movil, telefono movil,
        celular, telemovel, cellulare, mobiel, gsm, matkapuhelin, phone number, phone, telephone,
        tel, tel nr, telefon, telefonnummer, rufnummer, numero de telephone, telefono, telefone,
        numero di telefono, telefoon, telefoonnummer, puhelin, puhelinnumero, phone 1, home phone,
        work phone, contact number, client phone, customer phone, member phone
    """,
    Target.UNSUBSCRIBED: """
        unsubscribed, unsubscribed at, unsubscribe date, unsub time, unsubscribe time, opt out,
        opted out, opted out at, email opt out, do not email, no emails, no marketing,
        email suppressions, suppressed, email suppressed, abgemeldet, abgemeldet am, abbestellt,
        keine werbung, keine e mails, desinscrit, desabonne, baja, dado de baja, disiscritto,
        cancelado, uitgeschreven, afgemeld, avregistrerad, avmeldt, frameldt
    """,
    Target.AGREED: """
        email marketing consent, accepts email marketing, accepts marketing, agreed to emails,
        consent, email consent, marketing consent, marketing opt in, email opt in, opt in, optin,
        opted in, subscribed, subscribed to emails, subscribed to newsletter, subscription status,
        email subscription status, email status, marketing emails, marketing email,
        promotional emails, promotions, send promotional emails, send email, email notifications,
        newsletter, newsletters, receive emails, receives marketing, gdpr consent, einwilligung,
        werbeeinwilligung, marketing einwilligung, newsletter abonniert, e mail werbung,
        consentement, accepte les emails, inscrit a la newsletter, consentimiento,
        acepta marketing, acepta emails, consenso, consenso marketing, consentimento,
        aceita marketing, toestemming, nieuwsbrief, samtykke, samtycke, nyhetsbrev, nyhedsbrev,
        zgoda, zgoda marketingowa, uutiskirje
    """,
}
KNOWN = {
    target: [" ".join(word.split()) for word in words.split(",")] for target, words in WORDS.items()
}
# "Name" beside "Vorname" is the last name; "Nombre" beside "Apellidos" is the first.
LAST_BESIDE_FIRST = {"name", "nom", "naam", "navn", "namn"}
FIRST_BESIDE_LAST = {"nombre", "nome", "name"}


def guessed(headers: Sequence[str]) -> dict[Target, int]:
    """For each target the column that it most likely is."""
    words = [plain(header) for header in headers]
    columns: dict[Target, int] = {}
    for target, known in KNOWN.items():
        column = next((words.index(word) for word in known if word in words), None)
        if column is not None and column not in columns.values():
            columns[target] = column
    return with_halves_of_names(columns, words)


def with_halves_of_names(columns: dict[Target, int], words: Sequence[str]) -> dict[Target, int]:
    whole = columns.get(Target.FULL_NAME)
    halves = columns.keys() & {Target.FIRST_NAME, Target.LAST_NAME}
    if whole is None or not halves:
        return columns
    del columns[Target.FULL_NAME]
    if halves == {Target.FIRST_NAME} and words[whole] in LAST_BESIDE_FIRST:
        columns[Target.LAST_NAME] = whole
    elif halves == {Target.LAST_NAME} and words[whole] in FIRST_BESIDE_LAST:
        columns[Target.FIRST_NAME] = whole
    return columns


def plain(header: str) -> str:
    """The words of a header: "E-Mail_Adresse*" is "e mail adresse"."""
    return PUNCTUATION.sub(" ", folded(header)).strip()
