from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chapters", "0003_fill_chapter_slug")]

    operations = [
        migrations.AlterField(
            model_name="chapter",
            name="slug",
            field=models.SlugField(max_length=80, unique=True),
        ),
    ]
