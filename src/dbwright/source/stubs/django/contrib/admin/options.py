from django.core.paginator import Paginator
from django.db.models import Max, Min, Q
from django.dbwright import (
    admin_ordering,
    alternatives,
    called,
    choices_of,
    chosen,
    follow,
    has,
    is_callable,
    joins,
    leads_to,
    made,
    model_field,
    model_fields,
    option,
    page_of,
    queryset_of,
    registered,
    show,
    something,
    unknown,
)
from django.forms.models import ModelChoiceField, ModelMultipleChoiceField


class DatabaseField:
    """What ``formfield_for_foreignkey`` is given."""


class BaseModelAdmin:
    autocomplete_fields = ()
    raw_id_fields = ()
    fields = None
    exclude = None
    fieldsets = None
    form = None
    readonly_fields = ()
    ordering = None
    radio_fields = {}

    @property
    def admin_site(self):
        return something()

    @property
    def opts(self):
        return self.model._meta

    def get_queryset(self, request):
        queryset = queryset_of(self.model)
        ordering = self.get_ordering(request)
        if ordering:
            return queryset.order_by(*ordering)
        return queryset

    def get_ordering(self, request):
        return self.ordering or ()

    def get_readonly_fields(self, request, obj=None):
        return self.readonly_fields

    def get_autocomplete_fields(self, request):
        return self.autocomplete_fields

    def get_fields(self, request, obj=None):
        return self.fields

    def get_fieldsets(self, request, obj=None):
        return self.fieldsets

    def get_exclude(self, request, obj=None):
        return self.exclude

    def has_view_permission(self, request, obj=None):
        return True

    def has_add_permission(self, request, obj=None):
        return True

    def has_change_permission(self, request, obj=None):
        return True

    def has_delete_permission(self, request, obj=None):
        return True

    def get_field_queryset(self, db, db_field, request):
        return db_field.remote._default_manager.all()

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        return ModelChoiceField(option(kwargs, "queryset") or db_field.remote._default_manager.all())

    def formfield_for_manytomany(self, db_field, request, **kwargs):
        return ModelMultipleChoiceField(option(kwargs, "queryset") or db_field.remote._default_manager.all())

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        if db_field.is_many:
            return self.formfield_for_manytomany(db_field, request, **kwargs)
        return self.formfield_for_foreignkey(db_field, request, **kwargs)

    def _form_shown(self, request, row):
        """The form of one row: choices of its relations, columns that are only read."""
        closed = self.get_readonly_fields(request, row)
        light = [self.raw_id_fields, self.get_autocomplete_fields(request)]
        fields = self.get_fields(request, row) or in_fieldsets(self.get_fieldsets(request, row))
        excluded = self.get_exclude(request, row)
        for field in model_fields(self.model):
            name = field["name"]
            if field["editable"] and field["kind"] != "column" and field["model"] is not None:
                if chosen(name, fields, excluded) and not (name in closed or name in light[0] or name in light[1]):
                    db_field = made(
                        DatabaseField,
                        name=name,
                        remote=field["model"],
                        related_model=field["model"],
                        is_many=field["kind"] == "many",
                    )
                    if (
                        option(option(option(self, "form"), "Meta"), "model") is None
                        and option(self.form, name) is None
                    ):
                        shown = self.formfield_for_dbfield(db_field, request)
                        if has(shown, "shown"):
                            shown.shown()
                elif chosen(name, fields, excluded) and field["kind"] == "one":
                    show(getattr(row, name))
        for name in closed:
            self._column(name, row)

    def _column(self, name, row):
        if name == "__str__":
            return show(row)
        if is_callable(name):
            return name(row)
        if has(self, name):
            return getattr(self, name)(row)
        return show(follow(row, name))


class ModelAdmin(BaseModelAdmin):
    entry_points = ("changelist_view", "change_view", "autocomplete_view")
    list_display = ("__str__",)
    list_display_links = ()
    list_filter = ()
    list_select_related = False
    list_per_page = 100
    list_max_show_all = 200
    list_editable = ()
    search_fields = ()
    date_hierarchy = None
    save_as = False
    paginator = Paginator
    inlines = ()
    actions = ()
    show_full_result_count = True

    @property
    def model(self):
        return registered(self)

    def get_list_display(self, request):
        return self.list_display

    def get_list_filter(self, request):
        return self.list_filter

    def get_list_select_related(self, request):
        return self.list_select_related

    def get_search_fields(self, request):
        return self.search_fields

    def get_sortable_by(self, request):
        return self.get_list_display(request)

    def get_paginator(self, request, queryset, per_page, orphans=0, allow_empty_first_page=True):
        return self.paginator(queryset, per_page)

    def get_inlines(self, request, obj):
        return self.inlines

    def get_inline_instances(self, request, obj=None):
        return [inline() for inline in self.get_inlines(request, obj)]

    def get_object(self, request, object_id, from_field=None):
        return self.get_queryset(request).get(pk=unknown("the URL"))

    def get_search_results(self, request, queryset, search_term):
        condition = Q()
        for field in self.get_search_fields(request):
            condition = condition | Q(**{search_lookup(field): unknown("a word of the search")})
        return (queryset.filter(condition), False)

    def save_model(self, request, obj, form, change):
        obj.save()

    def delete_model(self, request, obj):
        obj.delete()

    def delete_queryset(self, request, queryset):
        queryset.delete()

    def save_formset(self, request, form, formset, change):
        formset.save()

    def save_related(self, request, form, formsets, change):
        return None

    def log_change(self, request, obj, message):
        return None

    def message_user(self, request, message, level=None, extra_tags="", fail_silently=False):
        return None

    def get_urls(self):
        return []

    def response_change(self, request, obj):
        return something()

    def changelist_view(self, request, extra_context=None):
        if queryset_of(registered(self)) is None:
            return something()
        root = self.get_queryset(request)
        columns = self.get_list_display(request)
        base = self._with_relations(request, root, columns).order_by(
            *admin_ordering(self.model, root, self.get_ordering(request))
        )
        if self.show_full_result_count:
            root.count()
        page = self._page(request, base)
        for row in page:
            for name in columns:
                self._column(name, row)
        if self.date_hierarchy is not None:
            base.aggregate(first=Min(self.date_hierarchy), last=Max(self.date_hierarchy))
            for day in base.order_by().datetimes(self.date_hierarchy, "year"):
                pass
        for one in self.get_list_filter(request):
            self._filtered(request, one, base)
        if self.get_search_fields(request):
            found = self.get_search_results(request, base, unknown("a search"))
            for row in self._page(request, found[0]):
                pass
        for action in self.actions:
            self._action(request, action, base.filter(pk__in=[unknown("chosen rows")]))
        return something()

    def _page(self, request, queryset):
        paginator = self.get_paginator(request, queryset, self.list_per_page)
        paginator.count
        return page_of(queryset, self.list_per_page, True)

    def _with_relations(self, request, queryset, columns):
        related = self.get_list_select_related(request)
        if joins(queryset):
            return queryset
        if related is True:
            return queryset.select_related()
        if related is False:
            for name in columns:
                field = model_field(self.model, name)
                if field is not None:
                    if field["kind"] == "one" and field["name"] == name:
                        return queryset.select_related()
            return queryset
        if related:
            return queryset.select_related(*related)
        return queryset

    def _filtered(self, request, one, base):
        if isinstance(one, str):
            self._filtered_by_field(request, one, base, None)
        elif has(one, "parameter_name_of"):
            simple = one(request, {}, self.model, self)
            simple.lookups(request, self)
            for found in alternatives(simple.queryset(request, base)):
                if queryset_of(found) is not None:
                    for row in self._page(request, found):
                        pass
        else:
            self._filtered_by_field(request, one[0], base, one[1])

    def _filtered_by_field(self, request, name, base, how):
        field = model_field(self.model, name)
        if field is not None:
            if field["model"] is not None:
                if option(how, "only_used", False):
                    used = self.model._default_manager.distinct().values_list(name + "__pk")
                    for row in choices_of(field["model"]._default_manager.filter(pk__in=used)):
                        show(row)
                else:
                    for row in choices_of(field["model"]._default_manager):
                        show(row)
            elif option(how, "all_values", False):
                for value in self.model._default_manager.distinct().order_by(name).values_list(name, flat=True):
                    pass
            if field["class"] == "DateField" or field["class"] == "DateTimeField":
                found = base.filter(**{name + "__gte": unknown("a day"), name + "__lt": unknown("a day")})
            else:
                found = base.filter(**{name: unknown("a filter")})
            for row in self._page(request, found):
                pass

    def _action(self, request, action, queryset):
        if isinstance(action, str):
            if has(self, action):
                getattr(self, action)(request, queryset)
        else:
            called(action, self, request, queryset)

    def change_view(self, request, object_id=None, form_url="", extra_context=None):
        if queryset_of(registered(self)) is None:
            return something()
        row = self.get_object(request, object_id)
        self._form_shown(request, row)
        for inline in self.get_inline_instances(request, row):
            if has(inline, "rows_of"):
                inline.rows_of(request, row)
        return something()

    def autocomplete_view(self, request):
        if self.get_search_fields(request):
            base = self.get_queryset(request)
            found = self.get_search_results(request, base, unknown("a search"))[0]
            found.count()
            for row in page_of(found, 20, True):
                pass
        return something()


def search_lookup(field):
    if field[0] == "^":
        return field[1:] + "__istartswith"
    if field[0] == "=":
        return field[1:] + "__iexact"
    if field[0] == "@":
        return field[1:] + "__search"
    if field.endswith(("__exact", "__iexact", "__startswith")):
        return field
    return field + "__icontains"


def in_fieldsets(fieldsets):
    if fieldsets is None:
        return None
    found = []
    for name, options in fieldsets:
        for field in options["fields"]:
            if isinstance(field, str):
                found.append(field)
            else:
                found.extend(field)
    return found


class InlineModelAdmin(BaseModelAdmin):
    model = None
    extra = 3
    fk_name = None
    max_num = None

    def get_extra(self, request, obj=None, **kwargs):
        return self.extra

    def get_max_num(self, request, obj=None, **kwargs):
        return self.max_num

    def get_formset(self, request, obj=None, **kwargs):
        return something()

    def rows_of(self, request, parent):
        queryset = self.get_queryset(request)
        name = self.fk_name or key_to(self.model, parent)
        if name is not None:
            queryset = queryset.filter(**{name: parent})
        for row in queryset:
            self._inline_row(request, row, name)

    def _inline_row(self, request, row, parent_name):
        if parent_name is not None:
            setattr(row, parent_name, something())
        if self.extra != 0 or has(self.model, "__str__"):
            show(row)
        self._form_shown(request, row)

    def get_exclude(self, request, obj=None):
        return self.exclude


class StackedInline(InlineModelAdmin):
    pass


class TabularInline(InlineModelAdmin):
    pass


def key_to(model, parent):
    for field in model_fields(model):
        if leads_to(field, parent):
            return field["name"]
    return None


class SimpleListFilter:
    parameter_name_of = True
    title = None
    parameter_name = None

    def __init__(self, request, params, model, model_admin):
        self.model_admin = model_admin

    def value(self):
        return unknown("a filter")

    def lookups(self, request, model_admin):
        return ()

    def queryset(self, request, queryset):
        return queryset


class FieldListFilter:
    pass


class RelatedFieldListFilter(FieldListFilter):
    pass


class RelatedOnlyFieldListFilter(FieldListFilter):
    only_used = True


class AllValuesFieldListFilter(FieldListFilter):
    all_values = True


class ChoicesFieldListFilter(FieldListFilter):
    pass


class BooleanFieldListFilter(FieldListFilter):
    pass


class DateFieldListFilter(FieldListFilter):
    pass


class EmptyFieldListFilter(FieldListFilter):
    pass
