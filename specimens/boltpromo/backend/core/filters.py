"""Filters and orderings of the lists.

The query parameters are what the front end's filter panel sends; a value it cannot send is answered with 400.
"""

from datetime import timedelta

import django_filters
from django.db.models import BooleanField, Case, Count, F, Q, Sum, Value, When
from django.utils import timezone
from rest_framework.filters import BaseFilterBackend

from core.models import Category, PromoCode, Showcase, Store

# How soon "expires soon" is, and how long a promo code counts as new.
EXPIRING_SOON = timedelta(days=3)
NEW_FOR = timedelta(days=7)


def active_promocodes(prefix: str = "") -> Q:
    """The condition "active and not expired", for a relation called `prefix`."""
    path = f"{prefix}__" if prefix else ""
    return Q(**{f"{path}is_active": True, f"{path}expires_at__gt": timezone.now()})


# --- Filters ---------------------------------------------------------------------------------------------------------


class CharInFilter(django_filters.BaseInFilter, django_filters.CharFilter):
    """Several values in one parameter, separated by commas."""


class PromoCodeFilter(django_filters.FilterSet):
    """The filter panel of every list of promo codes."""

    store = CharInFilter(field_name="store__slug", lookup_expr="in")
    category = django_filters.CharFilter(field_name="categories__slug")
    categories = CharInFilter(method="filter_categories")
    offer_type = django_filters.MultipleChoiceFilter(choices=PromoCode.OfferType.choices)
    is_hot = django_filters.BooleanFilter()
    is_recommended = django_filters.BooleanFilter()
    min_discount = django_filters.NumberFilter(field_name="discount_value", lookup_expr="gte")
    max_discount = django_filters.NumberFilter(field_name="discount_value", lookup_expr="lte")
    min_rating = django_filters.NumberFilter(field_name="store__rating", lookup_expr="gte")
    has_code = django_filters.BooleanFilter(method="filter_has_code")
    expires_soon = django_filters.BooleanFilter(method="filter_expires_soon")
    is_new = django_filters.BooleanFilter(method="filter_is_new")

    class Meta:
        model = PromoCode
        fields = []

    def filter_categories(self, queryset, name, value):
        """Promo codes under any of the headings, each once."""
        return queryset.filter(categories__slug__in=value).distinct()

    def filter_has_code(self, queryset, name, value):
        """A coupon has a code to copy, a deal has only a link."""
        return queryset.exclude(code="") if value else queryset.filter(code="")

    def filter_expires_soon(self, queryset, name, value):
        if not value:
            return queryset
        return queryset.filter(expires_at__lte=timezone.now() + EXPIRING_SOON)

    def filter_is_new(self, queryset, name, value):
        if not value:
            return queryset
        return queryset.filter(created_at__gte=timezone.now() - NEW_FOR)


class StoreFilter(django_filters.FilterSet):
    """The list of stores: by letter, by rating, by what they sell."""

    letter = django_filters.CharFilter(field_name="name", lookup_expr="istartswith")
    min_rating = django_filters.NumberFilter(field_name="rating", lookup_expr="gte")
    category = django_filters.CharFilter(method="filter_category")
    has_promos = django_filters.BooleanFilter(method="filter_has_promos")

    class Meta:
        model = Store
        fields = []

    def filter_category(self, queryset, name, value):
        return queryset.filter(active_promocodes("promocodes"), promocodes__categories__slug=value).distinct()

    def filter_has_promos(self, queryset, name, value):
        with_promos = Store.objects.filter(active_promocodes("promocodes")).values("pk")
        return queryset.filter(pk__in=with_promos) if value else queryset.exclude(pk__in=with_promos)


class CategoryFilter(django_filters.FilterSet):
    """The list of headings."""

    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")

    class Meta:
        model = Category
        fields = []


class ShowcaseFilter(django_filters.FilterSet):
    """The list of showcases."""

    store = django_filters.CharFilter(field_name="items__promocode__store__slug", distinct=True)

    class Meta:
        model = Showcase
        fields = []


# --- Orderings -------------------------------------------------------------------------------------------------------


class StoreOrdering(BaseFilterBackend):
    """`?ordering=` of the list of stores. The best rated come first unless told otherwise."""

    DEFAULT = ("-rating", "name")
    ORDERINGS = {
        "rating": DEFAULT,
        "name": ("name",),
        "newest": ("-created_at",),
        "promos": ("-promos_count", "name"),
    }

    def filter_queryset(self, request, queryset, view):
        chosen = request.query_params.get("ordering", "rating")
        if chosen == "promos":
            queryset = queryset.annotate(promos_count=Count("promocodes", filter=active_promocodes("promocodes")))
        return queryset.order_by(*self.ORDERINGS.get(chosen, self.DEFAULT))


class PromoCodeOrdering(BaseFilterBackend):
    """`?ordering=` of every list of promo codes.

    | value      | order |
    | ---------- | ----- |
    | popular    | badge, then use in the last seven days, then age |
    | newest     | age; the default |
    | expiring   | what ends first |
    | discount   | the highest percentage first |
    | views      | how often the page was opened since the beginning |
    """

    SIMPLE = {
        "newest": ("-created_at",),
        "-created_at": ("-created_at",),
        "expiring": ("expires_at", "-created_at"),
        "discount": ("-discount_value", "-created_at"),
        "views": ("-views_count", "-created_at"),
    }

    def filter_queryset(self, request, queryset, view):
        chosen = request.query_params.get("ordering", getattr(view, "default_ordering", "newest"))
        if chosen == "popular":
            return self.order_by_popularity(queryset)
        if chosen == "rating":
            return queryset.order_by(F("store__rating").desc(nulls_last=True), "-created_at")
        return queryset.order_by(*self.SIMPLE.get(chosen, self.SIMPLE["newest"]))

    def order_by_popularity(self, queryset):
        """Promo codes with a badge first, then by what visitors used in the last seven days.

        The use comes from the daily aggregates of the legacy types `click` and `copy`: the aggregation writes today's
        types under these two names, so that the numbers from before October 2025 can be compared.
        """
        week_ago = timezone.now().date() - timedelta(days=7)
        return (
            queryset.annotate(
                has_badge=Case(
                    When(Q(is_hot=True) | Q(is_recommended=True), then=Value(True)),
                    default=Value(False),
                    output_field=BooleanField(),
                ),
            )
            .annotate(
                usage_7d=Sum(
                    Case(
                        When(
                            dailyagg__date__gte=week_ago,
                            dailyagg__event_type__in=["click", "copy"],
                            then="dailyagg__count",
                        ),
                        default=Value(0),
                    )
                ),
            )
            .order_by("-has_badge", "-usage_7d", "-created_at")
        )
