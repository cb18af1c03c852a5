"""Forms of people and studios."""

from django import forms
from django.http import HttpRequest

from studios.models import User


class SignupExtras(forms.Form):
    pass

    def signup(self, request: HttpRequest, user: User) -> None: ...
