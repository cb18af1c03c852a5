"""The form in which the desk adds and edits a client."""

import unicodedata
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.html import format_html
from django.utils.safestring import SafeString

from clients import editing, phones
from clients.consent import WithdrawnBeforeError
from clients.models import Client, ConsentSource, Withdrawal
from clients.models.client import DETAILS, EMAIL_MAX_LENGTH, NAME_MAX_LENGTH
from studios.forms import NameField
from studios.models import Studio, User

PHONE_MAX_LENGTH = 40  # as typed, with spaces and brackets
ASK_THE_CLIENT = (
    "Opted out before. Tick this if the client asked you for emails; otherwise untick both."
)
UNWANTED = {"Cc", "Zl", "Zp"}  # control characters and line separators; emoji need the rest


def refuse_control_characters(text: str) -> None:
    if any(unicodedata.category(character) in UNWANTED for character in text):
        raise ValidationError("This contains characters that can't be shown. Please type it again.")


def part_of_name(label: str) -> NameField:
    return NameField(
        label=label,
        max_length=NAME_MAX_LENGTH,
        required=False,
        widget=forms.TextInput({"autocomplete": "off"}),
    )


class ClientForm(forms.Form):
    first_name = part_of_name("First name")
    last_name = part_of_name("Last name")
    email = forms.EmailField(
        max_length=EMAIL_MAX_LENGTH,
        required=False,
        validators=[refuse_control_characters],
        widget=forms.EmailInput({"autocomplete": "off"}),
    )
    phone = forms.CharField(
        max_length=PHONE_MAX_LENGTH,
        required=False,
        widget=forms.TextInput({"type": "tel", "autocomplete": "off"}),
    )
    email_opt_in = forms.BooleanField(label="Agreed to receive emails", required=False)
    client_asked = forms.BooleanField(
        label="The client asked to receive emails again", required=False
    )
    consent_version = forms.CharField(required=False, widget=forms.HiddenInput)
    # Who is added has it as public id: a form that is sent twice adds one client.
    form_key = forms.UUIDField(required=False, widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, data: Any = None, *, studio: Studio, client: Client | None = None) -> None:
        super().__init__(data, initial=initial_of(client) if client else None)
        if data is None and client is None:  # the desk presses n and types
            self.fields["first_name"].widget.attrs["autofocus"] = True
        self.studio = studio
        self.client = client
        self.is_repeated = False
        self.kept_consent = False  # a stale form: what it said of consent was not taken

    @property
    def saved(self) -> Client:
        """The saved client. Raises `ValueError` for one that is new and not saved yet."""
        if self.client is None:
            raise ValueError("nothing was saved")
        return self.client

    @property
    def is_stale(self) -> bool:
        """True if consent changed while somebody had the form open."""
        seen = self.cleaned_data.get("consent_version")
        return self.client is not None and seen != str(self.client.consent_version)

    @property
    def asks_for_the_clients_wish(self) -> bool:
        """True if the form shows the box by which the client's own wish is confirmed."""
        opted_out = self.client is not None and self.client.has_opted_out
        return opted_out or "client_asked" in self.errors or "client_asked" in self.data

    def clean_phone(self) -> str:
        typed: str = self.cleaned_data["phone"]
        if self.client and typed == self.client.phone_shown:
            return self.client.phone  # the studio's country may be another by now
        try:
            return phones.parse(typed, self.studio.country)
        except phones.NotAPhoneError as error:
            example = phones.example(self.studio.country)
            raise ValidationError(
                f"This can't be a phone number. Write it like {example}, or with + and the country."
            ) from error

    def clean(self) -> dict[str, Any]:
        if not self.errors and not self._has_a_name():
            raise ValidationError("Fill in a name, an email address or a phone number.")
        if self._was_sent_before():
            return self.cleaned_data
        email = self.cleaned_data.get("email")
        if email and not (self.client and self.client.email == email):
            self._refuse_if_taken(email)
        if self._needs_the_clients_wish():
            self.add_error("client_asked", ASK_THE_CLIENT)
        return self.cleaned_data

    def _was_sent_before(self) -> bool:
        """True if this very form added its client a moment ago (a double click): that one is
        `client` then. Somebody else was added by it where Back was pressed."""
        key = self.cleaned_data.get("form_key")
        if self.client or key is None or self.errors:
            return self.is_repeated
        added = Client.objects.filter(public_id=key).first()
        if added is None:
            return False
        is_same = all(getattr(added, name) == self.cleaned_data[name] for name in DETAILS)
        if is_same and added.studio_id == self.studio.pk:
            self.client, self.is_repeated = added, True
        else:
            self.cleaned_data["form_key"] = None
        return self.is_repeated

    def _has_a_name(self) -> bool:
        """True if a client filled in like this has something to be called by."""
        typed = {field: self.cleaned_data[field] for field in DETAILS}
        return bool(Client(studio=self.studio, **typed).name)

    def _refuse_if_taken(self, email: str) -> None:
        others = Client.objects.for_studio(self.studio).with_address(email)
        if self.client:
            others = others.exclude(pk=self.client.pk)
        if other := others.first():
            self.add_error("email", address_is_taken_by(other))

    def _needs_the_clients_wish(self) -> bool:
        agrees = self.cleaned_data.get("email_opt_in") and not self.cleaned_data.get("client_asked")
        if not agrees or self.is_stale:
            return False
        if self.client and self.client.has_opted_out:
            return True
        return Withdrawal.stands(self.studio, self.cleaned_data.get("email", ""))

    def save(self, *, by: User, source: ConsentSource = ConsentSource.STAFF) -> bool:
        """Save what was filled in; False, with the reason among the errors, if that can't be."""
        if self.is_repeated:
            return True
        try:
            self.put(by=by, source=source)
        except WithdrawnBeforeError:
            self.add_error("client_asked", ASK_THE_CLIENT)
        except IntegrityError as error:
            if self._was_sent_before():
                return True
            if not is_about_the_address(error):
                raise
            self._tell_who_was_first()
        return self.is_valid()

    def put(self, *, by: User, source: ConsentSource = ConsentSource.STAFF) -> None:
        """Save what was filled in. Raises as `editing.add` and `editing.edit` do."""
        details = editing.ClientDetails.from_form(self.cleaned_data)
        if self.client:
            self.kept_consent = not editing.edit(self.client, details, by=by, source=source)
        else:
            if self._was_sent_before():
                return
            key = self.cleaned_data["form_key"]
            self.client = editing.add(self.studio, details, by=by, source=source, public_id=key)

    def _tell_who_was_first(self) -> None:
        """Name the client who got the same address between our check and our write."""
        self._refuse_if_taken(self.cleaned_data["email"])
        if self.is_valid():
            self.add_error("email", "Another client had this address a moment ago. Save again.")


def initial_of(client: Client) -> dict[str, Any]:
    """What the form for this client shows before anybody types."""
    return {field: getattr(client, field) for field in DETAILS} | {
        "phone": client.phone_shown,
        "email_opt_in": client.email_opt_in,
        "consent_version": client.consent_version,
    }


def address_is_taken_by(other: Client) -> SafeString:
    return format_html(
        "{name} already uses this address; leave it empty for a family member, "
        'or open <a href="{url}">{name}</a>.',
        name=other.name,
        url=other.get_absolute_url(),
    )


def is_about_the_address(error: IntegrityError) -> bool:
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", "") == "client_email_is_unique_in_its_studio"
