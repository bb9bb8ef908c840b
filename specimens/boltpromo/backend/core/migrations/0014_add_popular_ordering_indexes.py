from django.db import migrations


class Migration(migrations.Migration):
    """Indexes for ordering=popular: the badge, and what was used in seven days."""

    dependencies = [("core", "0013_add_performance_indexes")]

    operations = [
        migrations.RunSQL(
            sql="""
                CREATE INDEX IF NOT EXISTS core_promoc_hot_rec_created_idx
                ON core_promocode (is_hot, is_recommended, created_at DESC)
            """,
            reverse_sql="DROP INDEX IF EXISTS core_promoc_hot_rec_created_idx",
        ),
        migrations.RunSQL(
            sql="""
                CREATE INDEX IF NOT EXISTS core_dailya_promo_date_type_idx
                ON core_dailyagg (promo_id, date, event_type)
            """,
            reverse_sql="DROP INDEX IF EXISTS core_dailya_promo_date_type_idx",
        ),
    ]
