import django_filters

from members.models import Member


class MemberFilter(django_filters.FilterSet):
    """?chapter=12&status=active&joined_after=2024-01-01&q=smith"""

    joined_after = django_filters.DateFilter(field_name="joined_on", lookup_expr="gte")
    min_score = django_filters.NumberFilter(field_name="score", lookup_expr="gte")
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains")

    class Meta:
        model = Member
        fields = ["chapter", "status", "profession"]
