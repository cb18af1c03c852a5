import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0006_kept_counts'),
        ('studios', '0002_cache_table'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='client',
            name='consent_source',
            field=models.CharField(blank=True, choices=[('staff', 'at the desk'), ('footer', 'by the link in an email'), ('one_click', 'by their mail program'), ('import', 'by an import'), ('undo', 'as something was taken back'), ('admin', 'by an administrator'), ('remembered', 'because this address opted out before')], max_length=20),
        ),
        migrations.AlterField(
            model_name='clientevent',
            name='source',
            field=models.CharField(blank=True, choices=[('staff', 'at the desk'), ('footer', 'by the link in an email'), ('one_click', 'by their mail program'), ('import', 'by an import'), ('undo', 'as something was taken back'), ('admin', 'by an administrator'), ('remembered', 'because this address opted out before')], max_length=20),
        ),
        migrations.AlterField(
            model_name='clientevent',
            name='what',
            field=models.CharField(choices=[('added', 'Added'), ('edited', 'Changed'), ('agreed', 'Agreed to emails'), ('withdrew', 'Opted out of emails'), ('unknown', 'Has not agreed to emails again')], max_length=20),
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('kind', models.CharField(choices=[('import', 'Import'), ('opt_out', 'Opt-out'), ('deletion', 'Deletion'), ('sending', 'Sending again')], default='import', max_length=20)),
                ('file_name', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('uploaded', 'Columns to be matched'), ('checking', 'Being checked'), ('checked', 'Ready to start'), ('running', 'Running'), ('done', 'Done'), ('undoing', 'Being taken back'), ('undone', 'Taken back')], default='uploaded', max_length=20)),
                ('reading', models.JSONField(default=dict)),
                ('mapping', models.JSONField(default=dict)),
                ('total_rows', models.PositiveIntegerField(default=0)),
                ('done_rows', models.PositiveIntegerField(default=0)),
                ('counts', models.JSONField(default=dict)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('hold_until', models.DateTimeField(null=True)),
                ('released_at', models.DateTimeField(null=True)),
                ('send_at_once', models.BooleanField(default=False)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('studio', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='studios.studio')),
            ],
        ),
        migrations.CreateModel(
            name='ImportChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='clients.run')),
            ],
        ),
        migrations.CreateModel(
            name='RunRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveIntegerField()),
                ('values', models.JSONField(default=dict)),
                ('key', models.CharField(blank=True, max_length=254)),
                ('cells', models.JSONField(null=True)),
                ('outcome', models.CharField(choices=[('new', 'New'), ('changed', 'Changed'), ('unchanged', 'Unchanged'), ('refused', 'Refused'), ('deleted', 'Deleted')], max_length=10)),
                ('consent', models.CharField(blank=True, choices=[('', ''), ('opts_in', 'Agrees'), ('opts_out', 'Opts out'), ('withdrawn', 'Stays opted out')], max_length=10)),
                ('reason', models.CharField(blank=True, max_length=40)),
                ('reason_about', models.CharField(blank=True, max_length=60)),
                ('is_applied', models.BooleanField(default=False)),
                ('before', models.JSONField(default=dict)),
                ('is_kept', models.BooleanField(default=False)),
                ('client', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='clients.client')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='clients.run')),
            ],
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['studio', '-created_at'], name='client_run_newest'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(models.F('state'), condition=models.Q(('state__in', ['checking', 'running', 'undoing']), models.Q(('hold_until__isnull', False), ('released_at', None)), _connector='OR'), name='client_run_at_work'),
        ),
        migrations.AddConstraint(
            model_name='importchunk',
            constraint=models.UniqueConstraint(models.F('run'), models.F('number'), name='client_run_chunk_is_there_once'),
        ),
        migrations.AddIndex(
            model_name='runrow',
            index=models.Index(models.F('run'), models.F('key'), condition=models.Q(('key', ''), _negated=True), name='client_run_key'),
        ),
        migrations.AddIndex(
            model_name='runrow',
            index=models.Index(models.F('run'), models.F('outcome'), models.F('line'), name='client_run_outcome'),
        ),
        migrations.AddIndex(
            model_name='runrow',
            index=models.Index(models.F('run'), models.F('line'), condition=models.Q(('is_applied', True)), name='client_run_applied'),
        ),
        migrations.AddConstraint(
            model_name='runrow',
            constraint=models.UniqueConstraint(models.F('run'), models.F('line'), name='client_run_line_is_there_once'),
        ),
    ]
