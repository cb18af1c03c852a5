"""Connections and sync rows in Django's admin, for whoever helps a studio: to be read only.

Nothing that is sealed stands in it, and nothing is done there that an owner could do.
"""

from django.contrib import admin

from integrations.klaviyo.models import ClientSync, Connection, EndedConnection
from studios.admin import ReadOnly


@admin.register(Connection)
class ConnectionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "studio",
        "account_name",
        "phase",
        "connected_at",
        "refreshed_at",
        "paused_at",
        "suspended_at",
        "disconnecting_at",
    ]
    list_filter = ["phase", "suspended_reason", ("paused_at", admin.EmptyFieldListFilter)]
    list_select_related = ["studio"]
    search_fields = ["studio__name", "studio__slug", "account_name", "account_id"]
    exclude = ["refresh_token"]


@admin.register(ClientSync)
class ClientSyncAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = [
        "client",
        "studio",
        "priority",
        "desired_version",
        "synced_version",
        "due_at",
        "attempts",
        "reason",
    ]
    list_filter = ["priority", "reason"]
    list_select_related = ["client", "studio"]
    search_fields = ["=client__email", "=studio__slug"]
    show_full_result_count = False
    ordering = ["-pk"]
    fields = [
        ("client", "studio", "connection"),
        ("priority", "due_at", "attempts", "reason"),
        ("desired_version", "synced_version", "lease_until"),
        ("sent_fields", "suppressed_at"),
    ]


@admin.register(EndedConnection)
class EndedConnectionAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["studio", "cause", "at", "by", "confirmed", "owners_told_at"]
    list_filter = ["cause", "confirmed"]
    list_select_related = ["studio", "by"]
    search_fields = ["studio__name", "studio__slug"]
