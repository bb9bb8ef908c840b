from django.db import migrations, models


class Migration(migrations.Migration):
    """What stands on top of the list."""

    dependencies = [("journal", "0005_entry_share_token")]

    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="is_pinned",
            field=models.BooleanField(default=False),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(condition=models.Q(("is_pinned", True)), fields=["user"], name="entry_pinned_idx"),
        ),
    ]
