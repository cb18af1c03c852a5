"""Which clients: by studio, address, consent, and what was typed into the search box.

Whatever writes many of them at once folds them too (`folding`).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from clients import search
from clients.folding import FOLDED_FROM, FOLDED_INTO
from clients.models import bulk
from clients.models.address import hash_in_sql, same_address
from studios.models import Studio
from studios.tenancy import TenantQuerySet, lock_studio_shared

if TYPE_CHECKING:  # the model is made from what stands here
    from clients.models.client import Client

REFOLDED_AT_ONCE = 1000
NEWCOMER_FOR = timedelta(days=7)
REFOLD = """
UPDATE clients_client client
   SET folded = new.folded, sort_key = new.sort_key, folded_from = new.folded_from
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
       AS new (id, folded, sort_key, folded_from)
 WHERE client.id = new.id
"""


class ClientQuerySet(TenantQuerySet["Client"]):
    def for_studio(self, studio: Studio) -> Self:
        """The studio's clients, joined with it: its country says how phone numbers are written."""
        return super().for_studio(studio).select_related("studio")

    def fetched_for(self, studio: "Studio") -> "list[Client]":
        """Those of one studio, each with this very object: it isn't read with every row."""
        clients = list(self.select_related(None))
        for client in clients:
            client.studio = studio
        return clients

    def for_edit(self, studio: Studio) -> Self:
        """The studio's clients, each locked when read; locks the studio first (lock order)."""
        lock_studio_shared(studio.pk)
        return self.for_studio(studio).select_for_update(of=("self",))

    def with_address(self, email: str) -> Self:
        return self.holding([email])

    def holding(self, addresses: Collection[str]) -> Self:
        """Clients whose address is one of these, in whatever spelling.

        The unique index leaves out blanks, so PostgreSQL takes it only if the query does as well.
        """
        folded = {same_address(address) for address in addresses}
        return self.filter(address__in=folded).exclude(address="")

    def hashed_as(self, studio: Studio, hashes: Collection[str]) -> Self:
        """Of the studio's clients, those whose address has one of these hashes: reads them all."""
        return self.alias(hash=hash_in_sql(studio)).filter(hash__in=hashes)

    def addresses(self) -> set[str]:
        """Each client's `address`, by one query; blank for a client without one."""
        return set(self.values_list("address", flat=True))

    def opted_in(self) -> Self:
        return self.filter(email_opt_in=True)

    def may_be_emailed(self) -> Self:
        return self.filter(email_opt_in=True).exclude(email="")

    def opted_out(self) -> Self:
        return self.filter(opted_out_at__isnull=False)

    def never_agreed(self) -> Self:
        return self.filter(email_opt_in=False, opted_out_at=None)

    def due_for_welcome(self) -> Self:
        """Whoever waited long for a mail server or a postal address is no newcomer any more."""
        now = timezone.now()
        return self.may_be_emailed().filter(
            welcome_due_at__lte=now, created_at__gt=now - NEWCOMER_FOR
        )

    def found_by(self, text: str, country: str) -> Self:
        """Clients whose name, address or phone number contain every word of `text`, whatever its
        case, accents and Unicode form."""
        found = self
        for alternatives in search.terms(text, country):
            found = found.filter(
                Q(*(("folded__contains", term) for term in alternatives), _connector=Q.OR)
            )
        return found

    def by_name(self) -> Self:
        return self.order_by("sort_key", "pk")

    # --- Writing many -----------------------------------------------------------------------------

    def bulk_create(self, objs: Iterable["Client"], *args: Any, **kwargs: Any) -> list["Client"]:
        clients = list(objs)
        for client in clients:
            client.fold()
        if updated := kwargs.get("update_fields"):
            kwargs["update_fields"] = with_folded(updated)
        return super().bulk_create(clients, *args, **kwargs)

    def bulk_update(
        self, objs: Iterable["Client"], fields: Iterable[str], *args: Any, **kwargs: Any
    ) -> int:
        clients, fields = tuple(objs), with_folded(fields)
        if "folded" in fields:
            for client in clients:
                client.fold()
        return super().bulk_update(clients, fields, *args, **kwargs)

    def write(self, clients: Collection["Client"], fields: Iterable[str]) -> None:
        """Save these fields of these clients, which the caller has locked."""
        for client in clients:
            client.fold()
        bulk.write(list(clients), with_folded(fields))

    @transaction.atomic
    def update(self, **kwargs: Any) -> int:
        changed = super().update(**kwargs)
        if kwargs.keys() & set(FOLDED_FROM) and "folded" not in kwargs:
            self.model.objects.refold()  # of what is more than that, the task takes care
        return changed

    @transaction.atomic
    def refold(self) -> int:
        """Fold some of those that were written past it; how many. Waits for nobody."""
        strays = self.filter(folded_from="").order_by("pk").select_for_update(skip_locked=True)
        clients = list(strays[:REFOLDED_AT_ONCE])
        for client in clients:
            client.fold()
        columns = [[getattr(client, field) for client in clients] for field in ("pk", *FOLDED_INTO)]
        if clients:
            with connection.cursor() as cursor:
                cursor.execute(REFOLD, columns)
        return len(clients)


def with_folded(fields: Iterable[str]) -> Sequence[str]:
    """These fields, and the folded ones where they follow from one of them."""
    fields = list(fields)
    return [*fields, *FOLDED_INTO] if set(fields) & set(FOLDED_FROM) else fields
