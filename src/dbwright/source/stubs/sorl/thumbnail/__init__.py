from sorl.thumbnail.fields import ImageField as ImageField
