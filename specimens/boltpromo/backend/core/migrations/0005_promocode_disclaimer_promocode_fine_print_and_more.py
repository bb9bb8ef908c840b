from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0004_alter_promocode_options_promocode_is_recommended")]

    operations = [
        migrations.AddField(
            model_name="promocode",
            name="disclaimer",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="promocode",
            name="fine_print",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="promocode",
            name="long_description",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="promocode",
            name="steps",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
