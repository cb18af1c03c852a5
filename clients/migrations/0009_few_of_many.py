"""The few who opted out, never agreed, or are to be at an outside service and aren't yet are found
without reading the whole list. The indexes are built beside the work that goes on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('clients', '0008_history'),
        ('studios', '0002_cache_table'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='client',
            index=models.Index(models.F('studio'), models.F('id'), condition=models.Q(('email_opt_in', True), ('klaviyo_profile_id', None), models.Q(('email', ''), _negated=True)), name='client_unlinked'),
        ),
        AddIndexConcurrently(
            model_name='client',
            index=models.Index(models.F('studio'), models.F('sort_key'), models.F('id'), condition=models.Q(('opted_out_at__isnull', False)), name='client_opted_out'),
        ),
        AddIndexConcurrently(
            model_name='client',
            index=models.Index(models.F('studio'), models.F('sort_key'), models.F('id'), condition=models.Q(('email_opt_in', False), ('opted_out_at', None)), name='client_never_agreed'),
        ),
    ]
