import django.contrib.postgres.fields
from django.db import migrations, models

# What stands there for sure; what is in doubt is looked up, as it is anyway.
CONFIRM = """
UPDATE klaviyo_exposure SET is_confirmed = true
 WHERE profile_id IS NOT NULL AND in_flight_until IS NULL AND unknown_until IS NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ("klaviyo", "0004_trouble_told"),
    ]

    operations = [
        migrations.AddField(
            model_name="exposure",
            name="is_confirmed",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="exposure",
            name="sent_fields",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                db_default=[],
                default=list,
                size=None,
            ),
        ),
        migrations.RunSQL(CONFIRM, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name="exposure",
            name="klaviyo_exposure_is_one_a_spelling",
        ),
        migrations.AddConstraint(
            model_name="exposure",
            constraint=models.UniqueConstraint(
                condition=models.Q(("sync__isnull", False)),
                fields=("sync", "spelling", "profile_id"),
                name="klaviyo_exposure_is_one_a_spelling_and_profile",
                nulls_distinct=False,
            ),
        ),
    ]
