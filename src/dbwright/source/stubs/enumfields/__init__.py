from enumfields.fields import EnumField as EnumField
from enumfields.fields import EnumIntegerField as EnumIntegerField
