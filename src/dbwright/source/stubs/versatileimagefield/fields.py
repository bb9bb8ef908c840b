from django.db import models


class VersatileImageField(models.ImageField):
    def __init__(self, *args, **kwargs):
        for own in ("ppoi_field", "placeholder_image"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)


class PPOIField(models.CharField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("default", "0.5x0.5")
        kwargs.setdefault("max_length", 20)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)
