from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_entry_content_json")]

    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="is_public",
            field=models.BooleanField(default=False),
        ),
    ]
