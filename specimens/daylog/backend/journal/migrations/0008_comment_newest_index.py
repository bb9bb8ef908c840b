from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Comments are read page by page, the newest first."""

    atomic = False

    dependencies = [("journal", "0007_entry_prompt")]

    operations = [
        AddIndexConcurrently(
            model_name="comment",
            index=models.Index(fields=["entry", "-created_at", "-id"], name="comment_entry_newest_idx"),
        ),
    ]
