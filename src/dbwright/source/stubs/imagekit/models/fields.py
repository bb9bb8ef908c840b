from django.db import models


class ImageSpecField:
    """Made from another field's file when it is asked for; no column."""

    def __init__(self, *args, **kwargs):
        pass


class ProcessedImageField(models.ImageField):
    def __init__(self, processors=None, format=None, options=None, *args, **kwargs):
        for own in ("autoconvert", "spec", "spec_id"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)
