"""Two thin field types, so that the project runs without an imaging library and without an editor package.

Both make the column that the field they stand for would make: `ImageField` a varchar(100), as Django's own does,
`RichTextField` a text column, as an editor package's field does.
"""

from django import forms
from django.core.validators import FileExtensionValidator
from django.db import models

IMAGE_EXTENSIONS = ("avif", "gif", "jpeg", "jpg", "png", "svg", "webp")


class ImageField(models.FileField):
    """A file whose name must end like an image.

    Django's `ImageField` refuses to start without Pillow, because it reads width and height. Nothing here needs them.
    """

    default_validators = (FileExtensionValidator(IMAGE_EXTENSIONS),)


class RichTextField(models.TextField):
    """Text that the admin edits as HTML."""

    def formfield(self, **kwargs):
        widget = forms.Textarea(attrs={"class": "richtext", "rows": 24})
        return super().formfield(**{"widget": widget, **kwargs})
