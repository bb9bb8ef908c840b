from autoslug.fields import AutoSlugField as AutoSlugField
