"""The one way into a tenant's rows.

Every model that belongs to a studio takes a manager made from `TenantQuerySet`; every query in
views and tasks starts at `Model.objects.for_studio(studio)`, and a guard fails where one does not.
"""

from typing import TYPE_CHECKING, Self, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, models

if TYPE_CHECKING:  # models are made from what stands here
    from studios.models import Studio

M = TypeVar("M", bound=models.Model, covariant=True)


class TenantQuerySet(models.QuerySet[M]):
    def for_studio(self, studio: "Studio") -> Self:
        return self.filter(studio=studio)


def lock_studio_shared(studio_id: int) -> None:
    """Lock the studio's row `FOR KEY SHARE` until this transaction ends: its connections stay.

    Called first by everything that edits a client or makes its sync row. Connecting and
    disconnecting lock the same row `FOR UPDATE`, so no edit slips between a seed and an enqueue.
    Edits never wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM studios_studio WHERE id = %s FOR KEY SHARE", [studio_id])


def lock_studio(studio_id: int) -> None:
    """Lock the studio's row `FOR UPDATE` until this transaction ends.

    Waits for edits under way and keeps new ones out. Raises `ObjectDoesNotExist` if it is deleted.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM studios_studio WHERE id = %s FOR UPDATE", [studio_id])
        if cursor.fetchone() is None:
            raise ObjectDoesNotExist(f"studio {studio_id} is gone")
