import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

KEEP = """
CREATE FUNCTION clients_keep_studio_of_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.studio_id := (SELECT studio_id FROM clients_client WHERE id = NEW.client_id);
    RETURN NEW;
END $$;
CREATE TRIGGER clients_keep_studio_of_event BEFORE INSERT ON clients_clientevent
FOR EACH ROW EXECUTE FUNCTION clients_keep_studio_of_event()
"""

FILL = """
UPDATE clients_clientevent event SET studio_id = client.studio_id
  FROM clients_client client WHERE client.id = event.client_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0007_runs'),
        ('studios', '0002_cache_table'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='clientevent',
            name='changes',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='clientevent',
            name='studio',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studios.studio'),
        ),
        migrations.RunSQL(
            KEEP,
            'DROP TRIGGER clients_keep_studio_of_event ON clients_clientevent;'
            ' DROP FUNCTION clients_keep_studio_of_event()',
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL('SET CONSTRAINTS ALL IMMEDIATE', migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='clientevent',
            index=models.Index(fields=['studio', '-at'], name='client_event_of_a_day'),
        ),
    ]
