from django.db import migrations, models


class Migration(migrations.Migration):
    """The new editor writes JSON; what the old one wrote was converted by the app."""

    dependencies = [("journal", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="journalentry",
            name="content",
            field=models.JSONField(),
        ),
    ]
