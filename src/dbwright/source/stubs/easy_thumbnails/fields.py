from django.db import models


class ThumbnailerField(models.FileField):
    def __init__(self, *args, **kwargs):
        kwargs.pop("thumbnail_storage", None)
        super().__init__(*args, **kwargs)


class ThumbnailerImageField(models.FileField):
    def __init__(self, *args, resize_source=None, width_field=None, height_field=None, **kwargs):
        kwargs.pop("thumbnail_storage", None)
        super().__init__(*args, **kwargs)
