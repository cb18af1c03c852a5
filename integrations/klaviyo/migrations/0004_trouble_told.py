"""Long trouble is told to the owners; and one more reason: Klaviyo retired what Junocal speaks."""

from django.db import migrations, models

REASONS = [
    ("not_opted_in", "not opted in"),
    ("opted_out", "opted out"),
    ("no_email", "no email"),
    ("email_invalid", "email not valid"),
    ("phone_invalid", "phone not valid, sent without"),
    ("phone_taken", "phone belongs to another profile, sent without"),
    ("email_taken", "email belongs to another profile"),
    ("refused", "Klaviyo does not accept this client"),
    ("throttled", "Klaviyo asked us to wait"),
    ("not_answering", "Klaviyo not answering"),
    ("permission_missing", "permission missing"),
    ("not_accepted", "Klaviyo does not accept our access"),
    ("outdated", "Junocal has to be updated"),
    ("paused", "paused"),
]


class Migration(migrations.Migration):
    dependencies = [("klaviyo", "0003_tallies")]

    operations = [
        migrations.RenameField("connection", "suspension_told_at", "trouble_told_at"),
        migrations.AddField("connection", "troubled_since", models.DateTimeField(null=True)),
        migrations.AddField("connection", "calm_since", models.DateTimeField(null=True)),
        migrations.AlterField(
            "connection",
            "suspended_reason",
            models.CharField(blank=True, choices=REASONS, max_length=30),
        ),
        migrations.AlterField(
            "clientsync",
            "reason",
            models.CharField(blank=True, choices=REASONS, db_default="", max_length=30),
        ),
        migrations.AlterField(
            "syncevent",
            "reason",
            models.CharField(blank=True, choices=REASONS, max_length=30),
        ),
    ]
