"""Names, address and number in a folded form beside them: what search and order go by from now on.

A trigger marks rows whose folded form was not written with them (`folded_from` is blank), and gives
them a makeshift one until the task `clients.tasks.refold` has been there.
"""

from django.contrib.postgres.operations import BtreeGinExtension
from django.db import migrations, models

KEEP = r"""
CREATE FUNCTION clients_keep_folded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    accents CONSTANT text := E'[\u0300-\u036F]';
    typed text := concat_ws(E'\x1F', NEW.first_name, NEW.last_name, NEW.email, NEW.phone);
    plain text[];
BEGIN
    IF NEW.folded_from <> md5(typed) THEN
        plain := string_to_array(
            regexp_replace(lower(normalize(typed, NFKD)), accents, '', 'g'), E'\x1F'
        );
        NEW.folded := ' ' || array_to_string(plain, ' ');
        NEW.sort_key := left(btrim(plain[2] || E'\t' || plain[1], E'\t'), 250);
        NEW.folded_from := '';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clients_keep_folded
BEFORE INSERT OR UPDATE OF first_name, last_name, email, phone, folded, sort_key, folded_from
ON clients_client FOR EACH ROW EXECUTE FUNCTION clients_keep_folded()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0003_sent_addresses'),
    ]

    operations = [
        BtreeGinExtension(),
        migrations.AddField(
            model_name='client',
            name='folded',
            field=models.TextField(blank=True, db_default='', default='', editable=False),
        ),
        migrations.AddField(
            model_name='client',
            name='folded_from',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=32),
        ),
        migrations.AddField(
            model_name='client',
            name='sort_key',
            field=models.CharField(blank=True, db_collation='C', db_default='', default='', editable=False, max_length=250),
        ),
        migrations.RunSQL(
            KEEP,
            'DROP TRIGGER clients_keep_folded ON clients_client;'
            ' DROP FUNCTION clients_keep_folded()',
        ),
    ]
