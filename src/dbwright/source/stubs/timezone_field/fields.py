from django.db import models


class TimeZoneField(models.CharField):
    def __init__(self, *args, **kwargs):
        for own in ("choices_display", "use_pytz", "display_GMT_offset"):
            kwargs.pop(own, None)
        kwargs.setdefault("max_length", 63)
        super().__init__(*args, **kwargs)
