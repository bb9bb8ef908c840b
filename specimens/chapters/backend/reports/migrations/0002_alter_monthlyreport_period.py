from django.db import migrations, models


class Migration(migrations.Migration):
    """A month is written as YYYY-MM."""

    dependencies = [("reports", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="monthlyreport",
            name="period",
            field=models.CharField(max_length=7),
        ),
    ]
