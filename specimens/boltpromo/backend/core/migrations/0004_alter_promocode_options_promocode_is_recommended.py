from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0003_partner")]

    operations = [
        migrations.AlterModelOptions(
            name="promocode",
            options={"ordering": ["-is_recommended", "-created_at"]},
        ),
        migrations.AddField(
            model_name="promocode",
            name="is_recommended",
            field=models.BooleanField(default=False),
        ),
    ]
