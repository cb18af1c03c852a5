import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("klaviyo", "0005_confirmed_exposures"),
    ]

    operations = [
        migrations.AddField(
            model_name="ratelimit",
            name="recent",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.DateTimeField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="turn",
            name="token_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="turn",
            name="token_until",
            field=models.DateTimeField(null=True),
        ),
    ]
