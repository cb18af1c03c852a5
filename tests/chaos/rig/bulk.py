"""Writes of many clients at once, in a process of its own: `python -m tests.chaos.rig.bulk`.

Takes an order a line on stdin and answers each with a line: what it did, or why it couldn't.
It writes by Junocal's own functions, as an import or an integrator's script does.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import django

Order = Mapping[str, Any]


def main() -> None:
    django.setup()
    for line in sys.stdin:
        print(json.dumps(carried_out(json.loads(line))), flush=True)


def carried_out(order: Order) -> dict[str, Any]:
    from django.db import Error, close_old_connections  # noqa: PLC0415 (needs the set-up)

    try:
        ORDERS[order["what"]](order)
    except Error as error:  # PostgreSQL is among those that suffer
        close_old_connections()
        return {"done": False, "why": str(error)}
    return {"done": True}


def add(order: Order) -> None:
    """Import these people, in commits of a hundred."""
    from django.db import transaction  # noqa: PLC0415 (needs the set-up)

    people = order["people"]
    for begin in range(0, len(people), 100):
        with transaction.atomic():
            for person in people[begin : begin + 100]:
                add_one(order["studio"], person)


def add_one(slug: str, person: Mapping[str, str]) -> None:
    from clients import editing  # noqa: PLC0415 (needs the set-up)
    from clients.models import ConsentSource  # noqa: PLC0415
    from studios.models import Membership, Role  # noqa: PLC0415

    owner = Membership.objects.select_related("studio", "user").get(
        studio__slug=slug, role=Role.OWNER
    )
    details = editing.ClientDetails(person, email_opt_in=True)
    editing.add(owner.studio, details, by=owner.user, source=ConsentSource.IMPORT)


def rename(order: Order) -> None:
    """Give every n-th client a last name, past `save`, and say so."""
    from django.db import transaction  # noqa: PLC0415 (needs the set-up)

    from clients.models import Client  # noqa: PLC0415
    from clients.signals import clients_changed  # noqa: PLC0415
    from studios.models import Studio  # noqa: PLC0415

    studio = Studio.objects.get(slug=order["studio"])
    pks = list(Client.objects.for_studio(studio).order_by("pk").values_list("pk", flat=True))
    with transaction.atomic():
        rows = Client.objects.for_edit(studio).filter(pk__in=pks[order["first"] :: order["every"]])
        clients = list(rows.order_by("pk"))
        for client in clients:
            client.last_name = order["last_name"]
        Client.objects.bulk_update(clients, ["last_name"])
        changed = [client.pk for client in clients]
        clients_changed.send(Client, studio_id=studio.pk, client_ids=changed)


ORDERS: dict[str, Callable[[Order], None]] = {"add": add, "rename": rename}


if __name__ == "__main__":
    main()
