from django.db import migrations, models


class Migration(migrations.Migration):
    """Indexes for the lists of promo codes."""

    dependencies = [("core", "0012_alter_staticpage_content")]

    operations = [
        migrations.AddIndex(
            model_name="promocode",
            index=models.Index(fields=["is_hot", "is_active"], name="core_promoc_is_hot_58531e_idx"),
        ),
        migrations.AddIndex(
            model_name="promocode",
            index=models.Index(fields=["-created_at"], name="core_promoc_created_374846_idx"),
        ),
        # In SQL, because Django allows a model's index a name of 30 characters at most.
        migrations.RunSQL(
            sql="""
                CREATE INDEX IF NOT EXISTS core_promoc_active_exp_created_idx
                ON core_promocode (is_active, expires_at, created_at DESC)
            """,
            reverse_sql="DROP INDEX IF EXISTS core_promoc_active_exp_created_idx",
        ),
    ]
