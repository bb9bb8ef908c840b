from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """For new comments first; the next migration looks at the old ones."""

    dependencies = [("journal", "0008_comment_newest_index")]

    operations = [
        AddConstraintNotValid(
            model_name="comment",
            constraint=models.CheckConstraint(condition=models.Q(("body", ""), _negated=True), name="comment_has_body"),
        ),
    ]
