from django.db import models


class MultiSelectField(models.CharField):
    """Several of the choices in one text: ``choices`` do not hold for the column's value."""

    def __init__(self, *args, **kwargs):
        for own in ("min_choices", "max_choices", "choices", "sort_choices"):
            kwargs.pop(own, None)
        kwargs.setdefault("max_length", 200)
        super().__init__(*args, **kwargs)
