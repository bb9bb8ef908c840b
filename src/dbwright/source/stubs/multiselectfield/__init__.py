from multiselectfield.db.fields import MultiSelectField as MultiSelectField
