"""The digest of a client's five fields and consent, computed by PostgreSQL alone.

One expression serves the claim, the completion and the reconcile, so that they can't disagree.
"""

from django.db.models import CharField, F, Func
from django.db.models.functions import MD5, Cast


class _AsJSON(Func):
    function = "jsonb_build_array"
    output_field = CharField()


def digest(client: str = "") -> MD5:
    """The digest as an expression; `client` is the lookup path to the client, as `client__`."""
    names = ("first_name", "last_name", "email", "phone", "email_opt_in", "opted_out_at")
    row = _AsJSON(*(F(client + name) for name in names))
    return MD5(Cast(row, CharField()))
