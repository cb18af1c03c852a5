"""The digest of all that is sent of a client, and of consent, computed by PostgreSQL alone.

One list of columns serves the seed, the claim and the reconcile, so that they can't disagree; a
test compares the two expressions made of it.
"""

from django.db.models import CharField, F, Func
from django.db.models.functions import MD5, Cast

from integrations.klaviyo.contract import PROFILE_FIELDS

DIGESTED = ("email", *PROFILE_FIELDS.values(), "email_opt_in", "opted_out_at")
# The same in SQL written by hand; `format` it with the alias of the client's table.
DIGEST = f"md5(jsonb_build_array({', '.join('{0}.' + name for name in DIGESTED)})::text)"


class _AsJSON(Func):
    function = "jsonb_build_array"
    output_field = CharField()


def digest(client: str = "") -> MD5:
    """The digest as an expression; `client` is the lookup path to the client, as `client__`."""
    row = _AsJSON(*(F(client + name) for name in DIGESTED))
    return MD5(Cast(row, CharField()))
