"""What the clients' room tells whoever listens, for writes that Django sends no signal for."""

from django.dispatch import Signal

# Sent inside the transaction of a bulk write, with `studio_id` and `client_ids`.
clients_changed = Signal()
