"""Forms of Settings, and of a signed-in person's new studio."""

from typing import Any

from django import forms

from studios.countries import COUNTRIES, zone_choices
from studios.models import Role, Studio
from studios.names import clean_name

ROLE_MEANINGS = [
    (Role.INSTRUCTOR.value, "Instructor: sees clients, changes nothing"),
    (
        Role.FRONT_DESK.value,
        "Front desk: adds, edits, imports and exports clients, records opt-outs",
    ),
    (Role.OWNER.value, "Owner: all of that, deletes clients, and Settings"),
]


class NameField(forms.CharField):
    """A name of a person, a studio or a client, by the one rule for names."""

    def to_python(self, value: object) -> str:
        return clean_name(super().to_python(value) or "")


class NewStudioForm(forms.Form):
    name = NameField(label="Studio's name", max_length=120)
    country = forms.ChoiceField(
        choices=[("", "Choose…"), *COUNTRIES],
        help_text="Phone numbers without a country code are taken to be from here.",
    )


class StudioForm(forms.ModelForm):  # type: ignore[type-arg]
    name = NameField(max_length=120)
    country = forms.ChoiceField(
        choices=COUNTRIES,
        help_text="New phone numbers without a country code are taken to be from here.",
    )
    timezone = forms.ChoiceField(
        label="Time zone", help_text="Dates and times are shown in this time zone."
    )

    class Meta:
        model = Studio
        fields = ["name", "country", "timezone", "postal_address"]
        widgets = {"postal_address": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "postal_address": "Stands at the foot of every email to your clients, as the law asks."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["timezone"].choices = zone_choices(self.instance.country)  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    role = forms.TypedChoiceField(
        choices=ROLE_MEANINGS, coerce=lambda value: Role(int(value)), widget=forms.RadioSelect
    )


class InvitationForm(RoleForm):
    email = forms.EmailField(widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "role"]
