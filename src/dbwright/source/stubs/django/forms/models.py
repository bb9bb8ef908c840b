from django.dbwright import (
    a_new,
    a_row,
    choices_of,
    chosen,
    class_with,
    declared,
    has,
    leads_to,
    model_field,
    model_fields,
    of_the_class,
    option,
    queryset_of,
    show,
    unique_together,
    unknown,
)
from django.forms.fields import Field
from django.forms.forms import BaseForm


class ModelChoiceField(Field):
    to_field_name = None

    def __init__(self, queryset=None, *args, to_field_name=None, **kwargs):
        self.queryset = queryset
        self.to_field_name = to_field_name

    def label_from_instance(self, obj):
        return show(obj)

    def clean(self, value):
        queryset = queryset_of(self.queryset)
        if queryset is None:
            return unknown("a field of a form")
        return queryset.get(**{self.to_field_name or "pk": unknown("a choice")})

    def shown(self):
        queryset = choices_of(self.queryset)
        if queryset is not None:
            for row in queryset.all():
                self.label_from_instance(row)

    @property
    def choices(self):
        self.shown()
        return [unknown("a choice")]


class ModelMultipleChoiceField(ModelChoiceField):
    is_many = True

    def clean(self, value):
        queryset = queryset_of(self.queryset)
        if queryset is None:
            return unknown("a field of a form")
        for row in queryset.filter(**{(self.to_field_name or "pk") + "__in": [unknown("choices")]}):
            pass
        return queryset.filter(pk__in=[unknown("choices")])


class BaseModelForm(BaseForm):
    def __init__(self, data=None, files=None, auto_id=None, prefix=None, initial=None, *args, instance=None, **kwargs):
        self.data = data
        if instance is not None:
            self.instance = instance
        self.fields = dict(self._fields())

    @property
    def _model(self):
        return option(option(self, "Meta"), "model")

    @property
    def instance(self):
        return a_new(self._model)

    @of_the_class
    def _fields(self):
        found = {}
        meta = option(self, "Meta")
        names = option(meta, "fields", ())
        excluded = option(meta, "exclude")
        for field in model_fields(self._model):
            name = field["name"]
            if field["editable"] and not field["key"]:
                if chosen(name, names, excluded):
                    if field["kind"] == "one" and field["model"] is not None:
                        found[name] = ModelChoiceField(field["model"]._default_manager)
                    elif field["kind"] == "many" and field["model"] is not None:
                        found[name] = ModelMultipleChoiceField(field["model"]._default_manager)
                    else:
                        found[name] = Field()
        found.update(declared(self, Field))
        return found

    def full_clean(self):
        super().full_clean()
        self._post_clean()

    def _post_clean(self):
        self.validate_unique()

    def validate_unique(self):
        names = self.fields
        for field in model_fields(self._model):
            if field["unique"] and chosen(field["name"], names, None):
                self._model._default_manager.filter(**{field["name"]: unknown("a field of a form")}).exists()
        for group in unique_together(self._model):
            conditions = {}
            for name in group:
                if chosen(name, names, None):
                    conditions[name] = unknown("a field of a form")
            if conditions:
                self._model._default_manager.filter(**conditions).exists()

    def save(self, commit=True):
        if commit:
            self.instance.save()
            self._save_m2m()
        return self.instance

    def _save_m2m(self):
        for name, field in self.fields.items():
            if has(field, "is_many"):
                described = model_field(self._model, name)
                if described is not None:
                    getattr(self.instance, name).set(unknown("choices"))

    def save_m2m(self):
        self._save_m2m()


class ModelForm(BaseModelForm):
    pass


def modelform_factory(model, form=ModelForm, fields=None, exclude=None, **kwargs):
    return class_with(form, Meta={"model": model, "fields": fields, "exclude": exclude})


class BaseFormSet:
    form = None

    def __init__(self, data=None, files=None, auto_id=None, prefix=None, initial=None, *args, **kwargs):
        self.data = data

    @property
    def forms(self):
        return [self.form()]

    def __iter__(self):
        return self.forms

    def is_valid(self):
        for form in self.forms:
            form.is_valid()
        return unknown("whether the forms are valid")

    @property
    def cleaned_data(self):
        return unknown("the forms' data")

    def shown(self):
        for form in self.forms:
            form.shown()

    def __str__(self):
        self.shown()
        return ""


class BaseModelFormSet(BaseFormSet):
    model = None

    def __init__(self, data=None, files=None, auto_id=None, prefix=None, queryset=None, *, initial=None, **kwargs):
        self.queryset = queryset

    def get_queryset(self):
        if self.queryset is not None:
            return queryset_of(self.queryset)
        return queryset_of(self.model)

    @property
    def forms(self):
        return [self.form(instance=row) for row in self.get_queryset()]

    def save(self, commit=True):
        for form in self.forms:
            form.save()
        return [a_row(self.model)]


class BaseInlineFormSet(BaseModelFormSet):
    def __init__(self, data=None, files=None, instance=None, save_as_new=False, prefix=None, queryset=None, **kwargs):
        self.queryset = queryset
        self.instance = instance

    def get_queryset(self):
        for field in model_fields(self.model):
            if leads_to(field, self.instance):
                return super().get_queryset().filter(**{field["name"]: self.instance})
        return super().get_queryset()


def modelformset_factory(model, form=ModelForm, formset=BaseModelFormSet, fields=None, exclude=None, **kwargs):
    form_class = form if option(form, "Meta") is not None else modelform_factory(model, form, fields, exclude)
    return class_with(formset, model=model, form=form_class)


def inlineformset_factory(
    parent_model, model, form=ModelForm, formset=BaseInlineFormSet, fk_name=None, fields=None, exclude=None, **kwargs
):
    form_class = form if option(form, "Meta") is not None else modelform_factory(model, form, fields, exclude)
    return class_with(formset, model=model, form=form_class)


def formset_factory(form, formset=BaseFormSet, **kwargs):
    return class_with(formset, form=form)


def model_to_dict(instance, fields=None, exclude=None):
    return {"": unknown("a column")}
