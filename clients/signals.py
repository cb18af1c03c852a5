"""Signals for writes of clients that Django sends none for."""

from django.dispatch import Signal

# Sent inside the transaction of a bulk write, with `studio_id` and `client_ids`.
clients_changed = Signal()
