"""Signing up: with a studio of one's own, or into a studio by its invitation."""

from typing import Any

from allauth.account.forms import SignupForm
from allauth.account.models import EmailAddress
from allauth.core import context
from django import forms
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from studios.countries import COUNTRIES, likely_country
from studios.creation import create_studio
from studios.forms import NameField
from studios.invitations import accept
from studios.models import Invitation, User


class PersonForm(SignupForm):  # type: ignore[misc]  # allauth has no types
    name = NameField(
        label="Your name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["name", "email", "password1", "studio_name", "country"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = "At least 10 characters, and not a common password."
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)  # the labels say it

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """The new user; or none, and the way to the sign-in page, for a button pressed twice."""
        try:
            user, response = super().try_save(request)
        except IntegrityError:
            if not User.objects.filter(email__iexact=self.cleaned_data["email"]).exists():
                raise
            return None, redirect("account_login")
        return user, response


class SignUpForm(PersonForm):
    """User, studio and membership: all of them or none."""

    studio_name = NameField(
        label="Studio's name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        choices=[("", "Choose…"), *COUNTRIES],
        widget=forms.Select(attrs={"autocomplete": "country"}),
        help_text="Phone numbers without a country code are taken to be from here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        languages = context.request.headers.get("Accept-Language", "")
        self.initial.setdefault("country", likely_country(languages))

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        user: User = super().save(request)
        create_studio(self.cleaned_data["studio_name"], self.cleaned_data["country"], owner=user)
        return user


class JoinForm(PersonForm):
    """Signs up the person whom an invitation was sent to; the link proves the address."""

    def __init__(self, *args: Any, invitation: Invitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        self.fields["email"].disabled = True
        self.initial["email"] = invitation.email  # outranks `?email=`

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        """Raises `NoLongerValidError` if the invitation was used or withdrawn meanwhile."""
        user: User = super().save(request)
        EmailAddress.objects.filter(user=user, email=user.email).update(verified=True)
        accept(self.invitation, user)
        return user
