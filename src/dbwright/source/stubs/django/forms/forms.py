from django.dbwright import a_row, declared, has, model_of, unknown
from django.forms.fields import Field


class BaseForm:
    def __init__(self, data=None, files=None, auto_id=None, prefix=None, initial=None, *args, **kwargs):
        self.data = data
        self.fields = self._fields()

    @property
    def fields(self):
        return self._fields()

    @property
    def cleaned_data(self):
        found = {unknown("a field"): unknown("the form's data")}
        for name, field in self.fields.items():
            if has(field, "to_field_name") and not has(field, "is_many"):
                found[name] = a_row(model_of(field.queryset))
        return found

    @property
    def errors(self):
        self.full_clean()
        return unknown("errors of a form")

    def _fields(self):
        return dict(declared(self, Field))

    def full_clean(self):
        for name, field in self.fields.items():
            field.clean(unknown("a field of a form"))
            if has(self, "clean_" + name):
                getattr(self, "clean_" + name)()
        self.clean()

    def clean(self):
        return self.cleaned_data

    def is_valid(self):
        self.full_clean()
        return unknown("whether the form is valid")

    def add_error(self, field, error):
        return None

    def has_changed(self):
        return unknown("whether the form has changed")

    def shown(self):
        for field in self.fields.values():
            field.shown()

    def __iter__(self):
        self.shown()
        return [unknown("a field of a form")]

    def __getitem__(self, name):
        found = self.fields.get(name)
        if found is not None:
            found.shown()
        return unknown("a field of a form")

    def __str__(self):
        self.shown()
        return ""

    def as_p(self):
        self.shown()

    def as_table(self):
        self.shown()

    def as_ul(self):
        self.shown()

    def as_div(self):
        self.shown()


class Form(BaseForm):
    pass
