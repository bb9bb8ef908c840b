import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, unique=True
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("hour", models.PositiveSmallIntegerField()),
                ("text", models.CharField(blank=True, max_length=200)),
                ("is_active", models.BooleanField(default=True)),
                ("next_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reminders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("is_active", True)), fields=["next_at"], name="reminder_due_idx")
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("hour__lte", 23)), name="reminder_hour_of_day")
                ],
            },
        ),
    ]
