from django.db.models.fields.related import RelatedField

from taggit.models import TaggedItem


class TaggableManager(RelatedField):
    def __init__(
        self, verbose_name="Tags", help_text="", through=None, blank=False, related_name=None, to=None, **kwargs
    ):
        self.through = through or TaggedItem
