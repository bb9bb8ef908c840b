from django.db import migrations
from django.db.models.functions import Length

BATCH = 5_000


def count_characters(apps, schema_editor):
    """In steps, each of its own transaction, so that ingestion goes on meanwhile."""
    message = apps.get_model("core", "Message")
    last = 0
    while True:
        ids = list(message.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not ids:
            return
        message.objects.filter(pk__in=ids, char_count=0).update(char_count=Length("content"))
        last = ids[-1]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("core", "0002_message_language_and_length")]

    operations = [migrations.RunPython(count_characters, migrations.RunPython.noop)]
