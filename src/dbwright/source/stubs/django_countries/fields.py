from django.db import models


class CountryField(models.CharField):
    def __init__(self, *args, **kwargs):
        for own in (
            "countries",
            "countries_flag_url",
            "blank_label",
            "multiple",
            "multiple_unique",
            "multiple_sort",
            "countries_str_attr",
        ):
            kwargs.pop(own, None)
        kwargs.setdefault("max_length", 2)
        super().__init__(*args, **kwargs)
