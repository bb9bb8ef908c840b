from django.db import migrations, models


class Migration(migrations.Migration):
    """The office looks at what was recorded last."""

    dependencies = [("meetings", "0002_attendance_recorded_at")]

    operations = [
        migrations.AlterField(
            model_name="attendance",
            name="recorded_at",
            field=models.DateTimeField(auto_now_add=True),
        ),
        migrations.AddIndex(
            model_name="attendance",
            index=models.Index(fields=["recorded_at"], name="attendance_recorded_idx"),
        ),
    ]
