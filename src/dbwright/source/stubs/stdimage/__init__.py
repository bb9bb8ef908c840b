from stdimage.models import StdImageField as StdImageField
