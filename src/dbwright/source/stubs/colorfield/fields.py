from django.db import models


class ColorField(models.CharField):
    def __init__(self, *args, **kwargs):
        for own in ("format", "image_field", "samples"):
            kwargs.pop(own, None)
        kwargs.setdefault("max_length", 25)
        super().__init__(*args, **kwargs)
