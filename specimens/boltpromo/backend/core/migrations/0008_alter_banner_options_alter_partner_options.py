from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0007_add_discount_label_rename_views")]

    operations = [
        migrations.AlterModelOptions(name="banner", options={"ordering": ["sort_order", "-created_at"]}),
        migrations.AlterModelOptions(name="partner", options={"ordering": ["order", "name"]}),
    ]
