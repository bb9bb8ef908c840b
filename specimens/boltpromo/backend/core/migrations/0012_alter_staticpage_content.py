from django.db import migrations

import core.fields


class Migration(migrations.Migration):
    dependencies = [("core", "0011_add_site_assets")]

    operations = [
        migrations.AlterField(model_name="staticpage", name="content", field=core.fields.RichTextField()),
    ]
