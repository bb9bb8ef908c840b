from imagekit.models.fields import ImageSpecField as ImageSpecField
from imagekit.models.fields import ProcessedImageField as ProcessedImageField
