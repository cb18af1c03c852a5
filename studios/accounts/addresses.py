"""The addresses a person signs in with."""

from allauth.account import forms
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError


class AddEmailForm(forms.AddEmailForm):  # type: ignore[misc]  # allauth has no types
    """Adds another address only once the first one is verified.

    Otherwise one could sign up as somebody else and leave an address of one's own behind: when the
    other person comes, resets the password and joins a studio, it would open their account.
    """

    def clean_email(self) -> str:
        if not EmailAddress.objects.filter(user=self.user, verified=True).exists():
            raise ValidationError("Confirm your first address before you add another.")
        email: str = super().clean_email()
        return email
