from django.db import models


class StdImageField(models.ImageField):
    def __init__(self, *args, **kwargs):
        for own in ("variations", "render_variations", "delete_orphans", "force_min_size", "min_size", "max_size"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)


class JPEGField(StdImageField):
    def __init__(self, *args, **kwargs):
        kwargs.pop("progressive", None)
        super().__init__(*args, **kwargs)
