import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0009_showcase_showcaseitem")]

    operations = [
        migrations.CreateModel(
            name="AdminActionLog",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user", models.CharField(max_length=150)),
                ("action", models.CharField(max_length=50)),
                ("model_name", models.CharField(max_length=100)),
                ("object_id", models.CharField(blank=True, max_length=50)),
                ("details", models.TextField(blank=True)),
                ("ip_address", models.GenericIPAddressField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"ordering": ["-created_at"]},
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("event_type", models.CharField(db_index=True, max_length=40)),
                ("session_id", models.CharField(blank=True, max_length=64)),
                ("client_ip", models.GenericIPAddressField(blank=True, null=True)),
                ("user_agent", models.TextField(blank=True)),
                ("ref", models.CharField(blank=True, max_length=100)),
                ("utm_source", models.CharField(blank=True, max_length=100)),
                ("utm_medium", models.CharField(blank=True, max_length=100)),
                ("utm_campaign", models.CharField(blank=True, max_length=100)),
                ("is_unique", models.BooleanField(default=False)),
                (
                    "promo",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.promocode"
                    ),
                ),
                (
                    "showcase",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.showcase"
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.store"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["event_type", "created_at"], name="core_event_event_t_0f2b1b_idx"),
                    models.Index(fields=["promo", "event_type"], name="core_event_promo_i_2937fb_idx"),
                    models.Index(fields=["store", "event_type"], name="core_event_store_i_b0fba7_idx"),
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyAgg",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField()),
                ("event_type", models.CharField(max_length=40)),
                ("count", models.PositiveIntegerField(default=0)),
                ("unique_count", models.PositiveIntegerField(default=0)),
                (
                    "promo",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.promocode"
                    ),
                ),
                (
                    "showcase",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.showcase"
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="core.store"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["date", "event_type"], name="core_dailya_date_6661f8_idx")],
                "unique_together": {("date", "event_type", "promo", "store", "showcase")},
            },
        ),
        migrations.CreateModel(
            name="SiteSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("singleton_id", models.PositiveSmallIntegerField(default=1, editable=False, unique=True)),
                ("site_name", models.CharField(default="BoltPromo", max_length=100)),
                ("contact_email", models.EmailField(blank=True, max_length=254)),
                ("yandex_metrika_id", models.CharField(blank=True, max_length=50)),
                ("ga4_id", models.CharField(blank=True, max_length=50)),
                ("telegram_url", models.URLField(blank=True)),
                ("maintenance_mode", models.BooleanField(default=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"verbose_name_plural": "site settings"},
        ),
    ]
