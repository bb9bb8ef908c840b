from django.db import models


class AutoSlugField(models.SlugField):
    def __init__(self, *args, **kwargs):
        if kwargs.get("populate_from"):
            kwargs.setdefault("editable", False)
        kwargs.setdefault("max_length", 50)
        for own in ("populate_from", "unique_with", "always_update", "slugify", "manager", "manager_name", "sep"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)
