from django.db import models


class SortedManyToManyField(models.ManyToManyField):
    def __init__(self, *args, **kwargs):
        for own in ("sorted", "base_class", "sort_value_field_name"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)
