from django.db import migrations

import core.fields


class Migration(migrations.Migration):
    dependencies = [("core", "0014_add_popular_ordering_indexes")]

    operations = [
        migrations.AddField(
            model_name="banner",
            name="image_mobile",
            field=core.fields.ImageField(blank=True, default="", help_text="Phone, 750 x 900.", upload_to="banners/mobile/"),
            preserve_default=False,
        ),
    ]
