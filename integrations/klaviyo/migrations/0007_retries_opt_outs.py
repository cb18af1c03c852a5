"""A second consent lets the opt-outs that waited for it go out a few at a time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("klaviyo", "0006_renewals")]

    operations = [
        migrations.AddField(
            "connection",
            "retries_opt_outs",
            models.BooleanField(db_default=False, default=False),
        ),
    ]
