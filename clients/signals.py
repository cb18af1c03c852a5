"""Signals for writes of clients that Django sends none for."""

from django.dispatch import Signal

# Sent inside the transaction of a bulk write, with `studio_id` and `client_ids`. `hold_until`: a
# time before which nobody outside hears of it unless somebody edits the client; None for at once.
# `forced`: to be sent whatever was sent before.
clients_changed = Signal()

# What was held until `hold_until` in `studio_id` may go now. Sent outside transactions; fine twice.
clients_released = Signal()

# Sent inside the transaction that deletes many: before, with `studio` and the locked `clients`, and
# after, with `studio`. What points at them has to let go of them.
clients_deleting = Signal()
clients_deleted = Signal()
