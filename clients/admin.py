"""Clients in Django's admin: the desk's form and its checks, through a door of its own.

There is no adding here, since a client is added at the desk of a studio.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from clients.forms import ClientForm, initial_of
from clients.models import Client, Door


class ClientAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """Hands what was typed to the desk's form; leaves the client itself alone."""

    email_opt_in = forms.BooleanField(required=False)
    client_asked = forms.BooleanField(required=False)
    consent_version = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Client
        fields = ("first_name", "last_name", "email", "phone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        client = kwargs["instance"]
        super().__init__(*args, **(kwargs | {"initial": initial_of(client)}))
        self.desk = ClientForm(self.data, studio=client.studio, client=client)

    def clean(self) -> dict[str, Any]:
        for field, errors in self.desk.errors.as_data().items():
            self.add_error(None if field == "__all__" else field, errors)
        return self.cleaned_data

    def _post_clean(self) -> None:
        """Keep what was typed off the instance: the desk's form puts it there by its own rules."""


@admin.register(Client)
class ClientAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    form = ClientAdminForm
    fields = (
        "studio",
        *("first_name", "last_name", "email", "phone"),
        *("email_opt_in", "client_asked", "consent_version"),
        *("opted_out_at", "consent_changed_at", "consent_door"),
    )
    readonly_fields = ("studio", "opted_out_at", "consent_changed_at", "consent_door")
    list_display = ("name", "studio", "email", "email_opt_in", "opted_out_at")
    list_select_related = ("studio",)
    search_fields = ("first_name", "last_name", "email")
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Held while it is changed: the admin's view is one transaction."""
        client = super().get_object(request, object_id, from_field)
        if client is None or request.method != "POST":
            return client
        return Client.objects.for_edit(client.studio).filter(pk=client.pk).first()

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        return form.instance

    def save_model(self, request: Any, obj: Client, form: Any, change: bool) -> None:
        form.desk.put(by=request.user, door=Door.ADMIN)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Nothing of the form is kept anywhere else."""

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Client]) -> None:
        for client in queryset.select_related("studio"):
            client.delete()
