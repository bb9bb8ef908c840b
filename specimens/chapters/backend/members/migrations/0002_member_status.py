from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="member",
            name="status",
            field=models.CharField(
                choices=[("active", "Active"), ("pending", "Pending"), ("on_leave", "On Leave"), ("left", "Left")],
                default="active",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="member",
            name="renewed_until",
            field=models.DateField(blank=True, null=True),
        ),
    ]
