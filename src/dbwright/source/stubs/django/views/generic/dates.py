from django.dbwright import unknown
from django.views.generic.base import View
from django.views.generic.detail import BaseDetailView, SingleObjectTemplateResponseMixin
from django.views.generic.list import MultipleObjectMixin, MultipleObjectTemplateResponseMixin


class DateMixin:
    date_field = None
    allow_future = False

    def get_date_field(self):
        return self.date_field

    def get_allow_future(self):
        return self.allow_future


class BaseDateListView(MultipleObjectMixin, DateMixin, View):
    date_list_period = "year"
    parts = ()

    def get_ordering(self):
        return "-" + self.get_date_field() if self.ordering is None else self.ordering

    def get_dated_queryset(self, **lookup):
        return self.get_queryset().filter(**lookup)

    def get_date_list_period(self):
        return self.date_list_period

    def get_date_list(self, queryset, date_type=None, ordering="ASC"):
        field = self.get_date_field()
        found = queryset.dates(field, date_type or self.get_date_list_period(), ordering)
        return [day for day in found]

    def get_dated_items(self):
        field = self.get_date_field()
        moment = unknown("a date")
        lookup = {field + "__gte": moment, field + "__lt": unknown("a date")}
        queryset = self.get_dated_queryset(**lookup)
        return (self.get_date_list(queryset), queryset, {})

    def get(self, request, *args, **kwargs):
        self.date_list, self.object_list, extra = self.get_dated_items()
        context = self.get_context_data(object_list=self.object_list, date_list=self.date_list)
        return self.render_to_response(context)


class BaseArchiveIndexView(BaseDateListView):
    context_object_name = "latest"

    def get_dated_items(self):
        queryset = self.get_dated_queryset()
        return (self.get_date_list(queryset, ordering="DESC"), queryset, {})


class ArchiveIndexView(MultipleObjectTemplateResponseMixin, BaseArchiveIndexView):
    template_name_suffix = "_archive"


class YearArchiveView(MultipleObjectTemplateResponseMixin, BaseDateListView):
    date_list_period = "month"
    template_name_suffix = "_archive_year"


class MonthArchiveView(MultipleObjectTemplateResponseMixin, BaseDateListView):
    date_list_period = "day"
    template_name_suffix = "_archive_month"


class WeekArchiveView(MultipleObjectTemplateResponseMixin, BaseDateListView):
    template_name_suffix = "_archive_week"


class DayArchiveView(MultipleObjectTemplateResponseMixin, BaseDateListView):
    template_name_suffix = "_archive_day"


class TodayArchiveView(DayArchiveView):
    pass


class DateDetailView(SingleObjectTemplateResponseMixin, DateMixin, BaseDetailView):
    def get_object(self, queryset=None):
        queryset = queryset if queryset is not None else self.get_queryset()
        field = self.get_date_field()
        return queryset.filter(**{field + "__gte": unknown("a date"), field + "__lt": unknown("a date")}).get()
