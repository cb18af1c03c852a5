"""Who is to be at an outside service and isn't yet is found without reading the whole list.

The index is built beside the work that goes on.
"""

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
    ]
