import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0005_fold'),
        ('studios', '0002_cache_table'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptCounts',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tally', models.JSONField()),
                ('counted_at', models.DateTimeField()),
                ('took', models.DurationField()),
                ('studio', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='studios.studio')),
            ],
        ),
    ]
