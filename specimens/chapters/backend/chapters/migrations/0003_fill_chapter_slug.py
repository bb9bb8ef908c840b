from django.db import migrations, transaction
from django.utils.text import slugify

BATCH = 500


def fill(apps, schema_editor):
    """Slugs for chapters that have none yet, a batch a transaction; can be run again."""
    chapters = apps.get_model("chapters", "Chapter").objects.using(schema_editor.connection.alias)
    while batch := list(chapters.filter(slug__isnull=True).order_by("pk")[:BATCH]):
        for chapter in batch:
            chapter.slug = f"{slugify(chapter.name)[:60]}-{chapter.pk}"
        with transaction.atomic(using=schema_editor.connection.alias):
            chapters.bulk_update(batch, ["slug"])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("chapters", "0002_chapter_slug")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
