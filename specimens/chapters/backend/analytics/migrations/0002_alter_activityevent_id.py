from django.db import migrations, models


class Migration(migrations.Migration):
    """Events will be more than two thousand million one day."""

    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="activityevent",
            name="id",
            field=models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
        ),
    ]
