"""The clients that are there are folded, a few thousand at a time; then come the indexes."""

import hashlib
import re
import unicodedata

import django.contrib.postgres.indexes
from anyascii import anyascii
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

CHUNK_ROWS = 2000

READ = """
SELECT id, first_name, last_name, email, phone FROM clients_client
 WHERE id > %s ORDER BY id LIMIT %s
"""

# Only where nobody wrote meanwhile: the trigger takes no folded form of other names.
WRITE = """
UPDATE clients_client client
   SET folded = new.folded, sort_key = new.sort_key, folded_from = new.folded_from
  FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
       AS new (id, folded, sort_key, folded_from)
 WHERE client.id = new.id AND client.folded_from = ''
"""


def fold(apps, schema_editor):
    after = 0
    with schema_editor.connection.cursor() as cursor:
        while True:
            cursor.execute(READ, [after, CHUNK_ROWS])
            rows = cursor.fetchall()
            if not rows:
                return
            after = rows[-1][0]
            folded = [(pk, *forms(*parts)) for pk, *parts in rows]
            cursor.execute(WRITE, [list(column) for column in zip(*folded)])


def forms(*parts):
    """As `clients.folding.folded_fields` when this was written."""
    first_name, last_name, email, phone = parts
    names = [last_name, first_name] if last_name or first_name else [email or phone]
    keys = [re.sub(r'[^a-z0-9]+', ' ', plain(name)).strip() for name in names]
    return (
        ' ' + plain(' '.join(parts)),
        '\t'.join(filter(None, keys))[:250],
        hashlib.md5('\x1f'.join(parts).encode(), usedforsecurity=False).hexdigest(),
    )


def plain(text):
    spelt = text if text.isascii() else anyascii(unicodedata.normalize('NFKC', text))
    return ' '.join(spelt.lower().translate(str.maketrans('', '', "'`")).split())


class Migration(migrations.Migration):

    atomic = False  # each chunk is a transaction of its own, and nobody waits for an index

    dependencies = [
        ('clients', '0004_folded'),
    ]

    operations = [
        migrations.RunPython(fold, migrations.RunPython.noop),
        RemoveIndexConcurrently(
            model_name='client',
            name='client_by_name',
        ),
        RemoveIndexConcurrently(
            model_name='client',
            name='client_search',
        ),
        AddIndexConcurrently(
            model_name='client',
            index=models.Index(models.F('studio'), models.F('sort_key'), models.F('id'), name='client_by_name'),
        ),
        AddIndexConcurrently(
            model_name='client',
            index=django.contrib.postgres.indexes.GinIndex(fields=['studio', 'folded'], gin_pending_list_limit=512, name='client_search', opclasses=['int8_ops', 'gin_trgm_ops']),
        ),
        AddIndexConcurrently(
            model_name='client',
            index=models.Index(models.F('id'), condition=models.Q(('folded_from', '')), name='client_to_be_folded'),
        ),
    ]
