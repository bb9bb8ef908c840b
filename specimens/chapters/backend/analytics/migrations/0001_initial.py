import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("chapters", "0001_initial"),
        ("members", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ActivityEvent",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("login", "Login"),
                            ("profile_view", "Profile View"),
                            ("referral", "Referral"),
                            ("download", "Download"),
                            ("message", "Message"),
                        ],
                        max_length=20,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="activity", to="members.member"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ScoreHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("score", models.DecimalField(decimal_places=2, max_digits=5)),
                ("calculated_at", models.DateTimeField()),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="members.member"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChapterMetric",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("active_members", models.PositiveIntegerField(default=0)),
                ("referrals", models.PositiveIntegerField(default=0)),
                ("closed_business", models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                (
                    "chapter",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="metrics",
                        to="chapters.chapter",
                    ),
                ),
            ],
            options={
                "ordering": ["-day"],
                "indexes": [models.Index(fields=["day"], name="metric_day_idx")],
                "constraints": [models.UniqueConstraint(fields=("chapter", "day"), name="one_metric_per_day")],
            },
        ),
    ]
