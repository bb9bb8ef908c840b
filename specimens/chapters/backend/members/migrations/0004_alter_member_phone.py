from django.db import migrations, models


class Migration(migrations.Migration):
    """Numbers with a country and an extension."""

    dependencies = [("members", "0003_member_score")]

    operations = [
        migrations.AlterField(
            model_name="member",
            name="phone",
            field=models.CharField(blank=True, max_length=32),
        ),
    ]
