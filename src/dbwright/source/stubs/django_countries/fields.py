from django.db import models


class CountryField(models.CharField):
    def __init__(self, *args, **kwargs):
        # Several are kept as "AT,CH,…": room for all 250 of them.
        kwargs.setdefault("max_length", 749 if kwargs.get("multiple") else 2)
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
        super().__init__(*args, **kwargs)
