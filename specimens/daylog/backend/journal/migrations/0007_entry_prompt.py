import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0006_entry_pinned")]

    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="prompt",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="entries",
                to="journal.prompt",
            ),
        ),
    ]
