"""Clients in Django's admin: checked and saved by the form of the studios' own pages.

Consent changed here has a source of its own. Nobody is added here: that is done in a studio.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from clients.editing import ABOUT_CONSENT
from clients.forms import ClientForm, initial_of
from clients.models import Client, ConsentSource
from clients.models.client import DETAILS

RECORDED = ("opted_out_at", "consent_changed_at", "consent_source")


class ClientAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """Hands what was typed to `ClientForm`, which checks and saves it by its own rules."""

    email_opt_in = forms.BooleanField(required=False)
    client_asked = forms.BooleanField(required=False)
    consent_version = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Client
        fields = DETAILS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        client = kwargs["instance"]
        super().__init__(*args, **(kwargs | {"initial": initial_of(client)}))
        self.desk = ClientForm(self.data, studio=client.studio, client=client)

    def clean(self) -> dict[str, Any]:
        for field, errors in self.desk.errors.as_data().items():
            self.add_error(None if field == "__all__" else field, errors)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """Leaves the instance alone, which Django would fill in here: `ClientForm` does that."""


@admin.register(Client)
class ClientAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ClientAdminForm
    fields = ("studio", *DETAILS, *ABOUT_CONSENT, *RECORDED)
    readonly_fields = ("studio", *RECORDED)
    list_display = ("name", "studio", "email", "email_opt_in", "opted_out_at")
    list_select_related = ("studio",)
    search_fields = ("first_name", "last_name", "email")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """The client, locked if it is to be changed: the admin's view is one transaction."""
        client = super().get_object(request, object_id, from_field)
        if client is None or request.method != "POST":
            return client
        return Client.objects.for_edit(client.studio).filter(pk=client.pk).first()

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: Any, obj: Client, form: Any, change: bool) -> None:
        form.desk.put(by=request.user, source=ConsentSource.ADMIN)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Saves nothing: `save_model` saved all of it."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        for client in queryset.select_related("studio"):
            client.delete()
