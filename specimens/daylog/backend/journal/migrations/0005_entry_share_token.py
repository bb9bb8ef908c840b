from uuid import uuid4

from django.db import migrations, models


def make_tokens(apps, schema_editor):
    JournalEntry = apps.get_model("journal", "JournalEntry")
    for entry in JournalEntry.objects.filter(is_public=True):
        entry.share_token = uuid4()
        entry.save()


class Migration(migrations.Migration):
    """Links by which public entries are read."""

    dependencies = [("journal", "0004_alter_entry_title")]

    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="share_token",
            field=models.UUIDField(null=True, blank=True, editable=False),
        ),
        migrations.RunPython(make_tokens),
        migrations.AlterField(
            model_name="journalentry",
            name="share_token",
            field=models.UUIDField(unique=True, null=True, blank=True, editable=False),
        ),
    ]
