"""The table of Django's database cache, where sign-in is throttled: `migrate` alone is enough."""

from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("studios", "0001_people_and_studios")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
