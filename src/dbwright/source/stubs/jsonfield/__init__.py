from jsonfield.fields import JSONCharField as JSONCharField
from jsonfield.fields import JSONField as JSONField
