from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.AddField(model_name="message", name="language", field=models.CharField(default="en", max_length=8)),
        migrations.AddField(model_name="message", name="char_count", field=models.PositiveIntegerField(default=0)),
    ]
