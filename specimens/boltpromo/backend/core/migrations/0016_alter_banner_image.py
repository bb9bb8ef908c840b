from django.db import migrations

import core.fields


class Migration(migrations.Migration):
    dependencies = [("core", "0015_add_mobile_banner_image")]

    operations = [
        migrations.AlterField(
            model_name="banner",
            name="image",
            field=core.fields.ImageField(help_text="Desktop, 1920 x 600.", upload_to="banners/"),
        ),
    ]
