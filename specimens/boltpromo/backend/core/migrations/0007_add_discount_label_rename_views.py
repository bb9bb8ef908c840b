from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0006_contactmessage")]

    operations = [
        migrations.AddField(
            model_name="promocode",
            name="discount_label",
            field=models.CharField(
                blank=True, default="", help_text="Shown instead of the percentage.", max_length=100
            ),
            preserve_default=False,
        ),
        migrations.RenameField(model_name="promocode", old_name="views", new_name="views_count"),
    ]
