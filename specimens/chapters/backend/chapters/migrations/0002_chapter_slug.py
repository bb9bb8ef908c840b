from django.db import migrations, models


class Migration(migrations.Migration):
    """A slug for the pages of chapters; empty at first."""

    dependencies = [("chapters", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="chapter",
            name="slug",
            field=models.SlugField(max_length=80, null=True, db_index=False),
        ),
    ]
