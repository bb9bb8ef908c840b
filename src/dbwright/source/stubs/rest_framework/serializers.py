# ruff: noqa: F401, F403
from django.dbwright import (
    a_row,
    chosen,
    class_with,
    declared,
    field_names,
    follow,
    has,
    model_field,
    model_of,
    of_a_row,
    of_the_class,
    option,
    queryset_of,
    rows,
    unique_together,
    unknown,
)
from django.dbwright import request as _request

from rest_framework.fields import *
from rest_framework.fields import Field, ReadOnlyField, SerializerMethodField
from rest_framework.relations import *
from rest_framework.relations import PrimaryKeyRelatedField
from rest_framework.validators import UniqueTogetherValidator, UniqueValidator


class BaseSerializer(Field):
    def __init__(
        self,
        instance=None,
        data=None,
        *,
        many=False,
        context=None,
        source=None,
        read_only=False,
        write_only=False,
        **kwargs,
    ):
        if instance is not None:
            self.instance = instance
        self.many = many
        self.source = source
        self.read_only = read_only
        self.write_only = write_only
        self.validators = ()
        self.updates = instance is not None
        if context is not None:
            self.context = context

    @property
    def context(self):
        return {"request": _request()}

    @property
    def instance(self):
        return a_row(option(option(self, "Meta"), "model"))

    @property
    def initial_data(self):
        return unknown("the request's data")

    @property
    def validated_data(self):
        found = {unknown("a field"): unknown("the request's data")}
        for name, field in option(self, "fields", {}).items():
            if has(field, "is_key_only") and field.queryset is not None:
                row = a_row(model_of(field.queryset))
                found[field.source or name] = [row] if field.many else row
        return found

    def to_internal_value(self, data):
        return self.validated_data

    @property
    def errors(self):
        return unknown("errors")

    @property
    def data(self):
        if self.many:
            for row in rows(self.instance):
                self.to_representation(row)
            return [unknown("a row as data")]
        return self.to_representation(self.instance)

    def is_valid(self, raise_exception=False):
        if self.many:
            for one in unknown("the request's data"):
                self.run_validation(one)
        else:
            self.run_validation(unknown("the request's data"))
        return unknown("whether the data is valid")

    def run_validation(self, data=None):
        return unknown("the request's data")

    def save(self, **kwargs):
        if self.updates:
            self.instance = self.update(self.instance, self.validated_data)
        elif self.many:
            for one in unknown("the request's data"):
                self.create(self.validated_data)
        else:
            self.instance = self.create(self.validated_data)
        return self.instance

    def read(self, row, name):
        source = self.source or name
        value = row if source == "*" else follow(row, source)
        if self.many:
            for related in rows(value):
                self.to_representation(related)
            return None
        return self.to_representation(value)

    def check(self, name):
        if self.many:
            for one in unknown("the request's data"):
                self.run_validation(one)
        else:
            self.run_validation(unknown("the request's data"))
        return unknown("the request's data")


class Serializer(BaseSerializer):
    @property
    def fields(self):
        return self.get_fields()

    def get_fields(self):
        return dict(declared(self, Field))

    def to_representation(self, instance):
        for name, field in self.fields.items():
            if has(field, "method_name_of"):
                getattr(self, field.method_name or "get_" + name)(instance)
            elif not field.write_only:
                field.read(instance, name)
        return {unknown("a field"): of_a_row("a row as data")}

    def run_validation(self, data=None):
        for name, field in self.fields.items():
            if not field.read_only:
                value = field.check(name)
                if has(self, "validate_" + name):
                    getattr(self, "validate_" + name)(value)
        for validator in option(option(self, "Meta"), "validators", ()):
            if has(validator, "check"):
                validator.check("")
        self.validate(self.validated_data)
        return unknown("the request's data")

    def validate(self, attrs):
        return attrs

    def create(self, validated_data):
        return unknown("a row")

    def update(self, instance, validated_data):
        return instance


class ListSerializer(BaseSerializer):
    child = None

    def to_representation(self, data):
        return [unknown("a row as data")]


class RelationInfo:
    def __init__(self, related_model, to_many):
        self.related_model = related_model
        self.to_many = to_many


class ModelSerializer(Serializer):
    entry_points = ("one",)
    serializer_related_field = PrimaryKeyRelatedField

    def one(self):
        return self.to_representation(self.instance)

    def get_fields(self):
        return dict(self._fields_of_class())

    @of_the_class
    def _fields_of_class(self):
        meta = option(self, "Meta")
        model = option(meta, "model")
        here = declared(self, Field)
        closed = option(meta, "read_only_fields", ())
        found = {}
        for name in field_names(model, option(meta, "fields"), option(meta, "exclude")):
            if name in here:
                found[name] = here[name]
            else:
                found[name] = self.build(
                    model_field(model, name), model, name, option(meta, "depth", 0), name in closed
                )
        for name, field in here.items():
            if chosen(name, option(meta, "fields"), option(meta, "exclude")):
                found[name] = field
        return found

    def build(self, field, model, name, depth, read_only):
        if field is None:
            return ReadOnlyField(read_only=True)
        many = field["kind"] == "many"
        if field["kind"] == "column":
            if field["unique"]:
                return Field(read_only=read_only, validators=[UniqueValidator(model._default_manager)])
            return Field(read_only=read_only or field["key"])
        relation = RelationInfo(field["model"], many)
        if depth:
            made, given = self.build_nested_field(name, relation, depth)
        else:
            made, given = self.build_relational_field(name, relation)
        if read_only and "queryset" in given:
            return made(**{**given, "read_only": True})
        return made(**given)

    def build_relational_field(self, field_name, relation_info):
        model = relation_info.related_model
        return self.serializer_related_field, {"queryset": model._default_manager, "many": relation_info.to_many}

    def build_nested_field(self, field_name, relation_info, nested_depth):
        meta = {"model": relation_info.related_model, "fields": "__all__", "depth": nested_depth - 1}
        return class_with(ModelSerializer, Meta=meta), {"many": relation_info.to_many, "read_only": True}

    def run_validation(self, data=None):
        super().run_validation(data)
        model = option(option(self, "Meta"), "model")
        names = self.fields
        for group in unique_together(model):
            conditions = {}
            complete = True
            for name in group:
                if name in names:
                    conditions[name] = unknown("a field")
                else:
                    complete = False
            if conditions and complete:
                model._default_manager.filter(**conditions).exists()
        return unknown("the request's data")

    def create(self, validated_data):
        made = option(option(self, "Meta"), "model")._default_manager.create()
        self.set_many(made)
        return made

    def update(self, instance, validated_data):
        instance.save()
        self.set_many(instance)
        return instance

    def set_many(self, row):
        for name, field in self.fields.items():
            if has(field, "is_key_only") and not field.read_only:
                if field.many:
                    getattr(row, name).set(unknown("rows"))


class HyperlinkedModelSerializer(ModelSerializer):
    pass


class ValidationError(Exception):
    pass
