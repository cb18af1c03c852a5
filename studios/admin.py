"""Django's admin, for whoever runs the installation. No secret stands in it.

Memberships change in Settings → Team only, where the last owner is kept. Nobody is deleted here,
since that would end memberships unseen: switch `is_active` off instead.
"""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.http import HttpRequest

from studios.models import Invitation, Membership, Studio, User

# Signing in goes the way of everybody's, with its throttle and second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


class NeitherAddedNorDeleted:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NeitherAddedNorDeleted):
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Memberships(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    fields = ["user", "role", "created_at"]
    readonly_fields = ["user", "role", "created_at"]


@admin.register(User)
class UserAdmin(NeitherAddedNorDeleted, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["name", "email"]
    fields = ["name", "email", "is_active", "is_staff", "is_superuser", "last_login", "date_joined"]
    readonly_fields = ["email", "is_staff", "is_superuser", "last_login", "date_joined"]


@admin.register(Studio)
class StudioAdmin(NeitherAddedNorDeleted, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "country", "created_at"]
    search_fields = ["name", "slug"]
    fields = ["name", "slug", "country", "timezone", "postal_address", "created_at"]
    readonly_fields = ["slug", "created_at"]
    inlines = [Memberships]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["email", "studio", "role", "created_at", "accepted_at", "withdrawn_at"]
    search_fields = ["email", "studio__name"]
    list_select_related = ["studio"]


admin.site.unregister(Authenticator)  # allauth's own page shows the secret


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Second factors: deleted here for whoever lost theirs, and never read."""

    list_display = ["user", "type", "created_at", "last_used_at"]
    search_fields = ["user__name", "user__email"]
    list_select_related = ["user"]
    fields = ["user", "type", "created_at", "last_used_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
