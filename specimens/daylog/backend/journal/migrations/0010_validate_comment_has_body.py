from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("journal", "0009_comment_has_body")]

    operations = [ValidateConstraint(model_name="comment", name="comment_has_body")]
