from django.db import migrations, models

import core.fields


class Migration(migrations.Migration):
    dependencies = [("core", "0010_adminactionlog_dailyagg_event_sitesettings")]

    operations = [
        migrations.CreateModel(
            name="SiteAssets",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("singleton_id", models.PositiveSmallIntegerField(default=1, editable=False, unique=True)),
                ("favicon", core.fields.ImageField(blank=True, upload_to="site/")),
                ("logo", core.fields.ImageField(blank=True, upload_to="site/")),
                ("og_image", core.fields.ImageField(blank=True, upload_to="site/")),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"verbose_name_plural": "site assets"},
        ),
    ]
