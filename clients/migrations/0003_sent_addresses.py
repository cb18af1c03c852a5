import hashlib
import hmac
from datetime import datetime, timezone

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

CHUNK_ROWS = 5000
NOT_ASCII = r'[^\x01-\x7f]|xn--'  # whose form as a mailbox may be another than the one hashed so far


def remember(apps, schema_editor):
    """What is known of the past.

    Nobody wrote down where emails and pushes went, but both take a yes: whoever agreed at any time,
    or has a profile, is taken to have been sent to at their present address. One too many costs a
    tick at the desk; one too few would email somebody who said no.
    """
    Client = apps.get_model('clients', 'Client')
    keys = KeysOfStudios(apps.get_model('studios', 'Studio'))
    record_sent_addresses(Client, apps.get_model('clients', 'SentAddress'), keys)
    renew_withdrawals(Client, apps.get_model('clients', 'Withdrawal'), keys)
    opt_out_second_spellings(Client, apps.get_model('clients', 'Withdrawal'), keys)


class KeysOfStudios(dict):
    def __init__(self, Studio):
        self.Studio = Studio

    def __missing__(self, studio_id):
        key = self.Studio.objects.values_list('withdrawal_key', flat=True).get(pk=studio_id)
        self[studio_id] = bytes(key)
        return self[studio_id]

    def hashed(self, studio_id, mailbox):
        """As `clients.models.address.hash_address`: what is stored by it can't change any more."""
        return hmac.new(self[studio_id], mailbox.encode(), hashlib.sha256).hexdigest()


def record_sent_addresses(Client, SentAddress, keys):
    agreed = Q(email_opt_in=True) | Q(consent_changed_at__isnull=False)
    sent = Client.objects.exclude(email='').filter(agreed | Q(klaviyo_profile_id__isnull=False))
    rows = []
    for studio_id, token, mailbox in mailboxes(sent, 'studio_id', 'unsubscribe_token'):
        rows.append(
            SentAddress(
                studio_id=studio_id,
                token_hash=hashlib.sha256(token.encode()).hexdigest(),
                address_hash=keys.hashed(studio_id, mailbox),
            )
        )
        if len(rows) == CHUNK_ROWS:
            SentAddress.objects.bulk_create(rows)
            rows = []
    SentAddress.objects.bulk_create(rows)


def renew_withdrawals(Client, Withdrawal, keys):
    """Under the mailbox as well: so far the domain was hashed as typed."""
    gone = Client.objects.filter(opted_out_at__isnull=False, email__iregex=NOT_ASCII)
    Withdrawal.objects.bulk_create(
        [
            Withdrawal(studio_id=studio_id, address_hash=keys.hashed(studio_id, mailbox))
            for studio_id, mailbox in mailboxes(gone, 'studio_id')
        ],
        ignore_conflicts=True,
    )


def opt_out_second_spellings(Client, Withdrawal, keys):
    """Of a mailbox that said no in its other spelling. The reconcile tells Klaviyo."""
    now = datetime.now(timezone.utc)
    agreed = Client.objects.filter(email_opt_in=True, email__iregex=NOT_ASCII)
    for pk, studio_id, mailbox in mailboxes(agreed, 'pk', 'studio_id'):
        hashed = keys.hashed(studio_id, mailbox)
        if Withdrawal.objects.filter(studio_id=studio_id, address_hash=hashed).exists():
            Client.objects.filter(pk=pk).update(
                email_opt_in=False,
                opted_out_at=now,
                consent_changed_at=now,
                consent_source='remembered',
                consent_version=models.F('consent_version') + 1,
                welcome_due_at=None,
            )


def mailboxes(clients, *fields):
    """These fields and the mailbox, as the database folds it."""
    mailbox = models.Func('email', function='clients_mailbox', output_field=models.TextField())
    rows = clients.annotate(mailbox=mailbox).values_list(*fields, 'mailbox')
    return rows.iterator(chunk_size=CHUNK_ROWS)


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0002_mailboxes'),
        ('studios', '0002_cache_table'),
    ]

    operations = [
        migrations.CreateModel(
            name='SentAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token_hash', models.CharField(max_length=64)),
                ('address_hash', models.CharField(max_length=64)),
                ('studio', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studios.studio')),
            ],
        ),
        migrations.AddConstraint(
            model_name='sentaddress',
            constraint=models.UniqueConstraint(models.F('token_hash'), models.F('address_hash'), name='sent_address_is_recorded_once_of_a_client'),
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
