from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0003_count_characters'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['created_at'], name='alert_open'),
        ),
    ]
