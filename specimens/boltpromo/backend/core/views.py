"""The public API: lists, pages, search, and the contact form.

Promo codes are shown while they are active and not expired. Lists are paginated unless they are short by nature.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, F, Max, Prefetch, Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import generics, status
from rest_framework.pagination import PageNumberPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from core.filters import (
    CategoryFilter,
    PromoCodeFilter,
    PromoCodeOrdering,
    ShowcaseFilter,
    StoreFilter,
    StoreOrdering,
    active_promocodes,
)
from core.models import (
    Banner,
    Category,
    ContactMessage,
    Partner,
    PromoCode,
    Showcase,
    ShowcaseItem,
    SiteAssets,
    SiteSettings,
    StaticPage,
    Store,
)
from core.serializers import (
    BannerSerializer,
    CategorySerializer,
    ContactMessageSerializer,
    PartnerSerializer,
    PromoCodeDetailSerializer,
    PromoCodeSerializer,
    ShowcaseItemSerializer,
    ShowcaseSerializer,
    SiteAssetsSerializer,
    SiteSettingsSerializer,
    StaticPageSerializer,
    StoreSerializer,
)

logger = logging.getLogger(__name__)


class StandardPagination(PageNumberPagination):
    """Pages of twenty; the front end may ask for up to a hundred."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


def get_client_ip(request) -> str | None:
    """The visitor's address: from the proxy's header when the proxy is one of ours."""
    remote = request.META.get("REMOTE_ADDR")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if forwarded and remote in settings.TRUSTED_PROXIES:
        return forwarded.split(",")[0].strip()
    return remote


# --- The site itself -------------------------------------------------------------------------------------------------


class BannerListView(generics.ListAPIView):
    """The banners of the home page, in their order."""

    serializer_class = BannerSerializer
    pagination_class = None
    queryset = Banner.objects.filter(is_active=True).order_by("sort_order", "-created_at")


class PartnerListView(generics.ListAPIView):
    """The logos of the footer."""

    serializer_class = PartnerSerializer
    pagination_class = None
    queryset = Partner.objects.filter(is_active=True).order_by("order", "name")


class StaticPageDetailView(generics.RetrieveAPIView):
    """FAQ, terms, privacy."""

    serializer_class = StaticPageSerializer
    lookup_field = "slug"
    queryset = StaticPage.objects.filter(is_active=True)


class SiteAssetsView(APIView):
    """Favicon, logo and the picture for social networks."""

    def get(self, request):
        return Response(SiteAssetsSerializer(SiteAssets.load(), context={"request": request}).data)


class SiteSettingsView(APIView):
    """Name, counters and contacts of the site."""

    def get(self, request):
        return Response(SiteSettingsSerializer(SiteSettings.load()).data)


class HomeView(APIView):
    """Everything the first screen needs, in one answer."""

    def get(self, request):
        context = {"request": request}
        banners = Banner.objects.filter(is_active=True).order_by("sort_order", "-created_at")[:5]
        hot = (
            PromoCode.objects.filter(active_promocodes(), is_hot=True)
            .select_related("store")
            .prefetch_related("categories")
            .order_by("-created_at")[:8]
        )
        showcases = (
            Showcase.objects.filter(is_active=True)
            .annotate(items_count=Count("items"))
            .order_by("sort_order", "-created_at")[:6]
        )
        stores = Store.objects.filter(is_active=True).order_by("-rating", "name")[:12]
        return Response(
            {
                "banners": BannerSerializer(banners, many=True, context=context).data,
                "hot": PromoCodeSerializer(hot, many=True, context=context).data,
                "showcases": ShowcaseSerializer(showcases, many=True, context=context).data,
                "stores": StoreSerializer(stores, many=True, context=context).data,
            }
        )


# --- Stores ----------------------------------------------------------------------------------------------------------


class StoreListView(generics.ListAPIView):
    """Active stores, the best rated first."""

    serializer_class = StoreSerializer
    pagination_class = StandardPagination
    filterset_class = StoreFilter
    filter_backends = [*generics.ListAPIView.filter_backends, StoreOrdering]

    def get_queryset(self):
        return Store.objects.filter(is_active=True).order_by("-rating", "name")


class StoreDetailView(generics.RetrieveAPIView):
    """A store's page, with how much it offers."""

    serializer_class = StoreSerializer
    lookup_field = "slug"
    queryset = Store.objects.filter(is_active=True)

    def retrieve(self, request, *args, **kwargs):
        store = self.get_object()
        offers = PromoCode.objects.filter(active_promocodes(), store=store).aggregate(
            total=Count("id"),
            with_code=Count("id", filter=~Q(code="")),
            best_discount=Max("discount_value"),
        )
        return Response({**self.get_serializer(store).data, "offers": offers})


class StorePromoCodesView(generics.ListAPIView):
    """What one store offers."""

    serializer_class = PromoCodeSerializer
    pagination_class = StandardPagination
    filterset_class = PromoCodeFilter
    filter_backends = [*generics.ListAPIView.filter_backends, PromoCodeOrdering]

    def get_queryset(self):
        store = get_object_or_404(Store, slug=self.kwargs["slug"], is_active=True)
        return (
            PromoCode.objects.filter(active_promocodes(), store=store)
            .select_related("store")
            .prefetch_related("categories")
        )


# --- Categories ------------------------------------------------------------------------------------------------------


class CategoryListView(generics.ListAPIView):
    """Active headings by name."""

    serializer_class = CategorySerializer
    pagination_class = None
    filterset_class = CategoryFilter

    def get_queryset(self):
        return Category.objects.filter(is_active=True).order_by("name")


class CategoryDetailView(generics.RetrieveAPIView):
    """A heading's page."""

    serializer_class = CategorySerializer
    lookup_field = "slug"
    queryset = Category.objects.filter(is_active=True)


class CategoryPromoCodesView(generics.ListAPIView):
    """What is offered under one heading."""

    serializer_class = PromoCodeSerializer
    pagination_class = StandardPagination
    filterset_class = PromoCodeFilter
    filter_backends = [*generics.ListAPIView.filter_backends, PromoCodeOrdering]

    def get_queryset(self):
        category = get_object_or_404(Category, slug=self.kwargs["slug"], is_active=True)
        return (
            PromoCode.objects.filter(active_promocodes(), categories=category)
            .select_related("store")
            .prefetch_related("categories")
        )


# --- Showcases -------------------------------------------------------------------------------------------------------


class ShowcaseListView(generics.ListAPIView):
    """Active showcases with the number of their promo codes."""

    serializer_class = ShowcaseSerializer
    pagination_class = StandardPagination
    filterset_class = ShowcaseFilter

    def get_queryset(self):
        return (
            Showcase.objects.filter(is_active=True)
            .annotate(items_count=Count("items"))
            .order_by("sort_order", "-created_at")
        )


class ShowcaseDetailView(generics.RetrieveAPIView):
    """A showcase and the promo codes in it that are still worth something, in the editor's order."""

    serializer_class = ShowcaseSerializer
    lookup_field = "slug"

    def get_queryset(self):
        items = (
            ShowcaseItem.objects.filter(active_promocodes("promocode"))
            .select_related("promocode__store")
            .prefetch_related("promocode__categories")
            .order_by("position", "id")
        )
        return Showcase.objects.filter(is_active=True).prefetch_related(Prefetch("items", queryset=items))

    def retrieve(self, request, *args, **kwargs):
        showcase = self.get_object()
        items = ShowcaseItemSerializer(showcase.items.all(), many=True, context=self.get_serializer_context())
        return Response({**self.get_serializer(showcase).data, "items": items.data})


# --- Promo codes -----------------------------------------------------------------------------------------------------


class PromoCodeDetailView(generics.RetrieveAPIView):
    """A promo code's page. Opening it counts."""

    serializer_class = PromoCodeDetailSerializer

    def get_queryset(self):
        return PromoCode.objects.filter(is_active=True).select_related("store").prefetch_related("categories")

    def retrieve(self, request, *args, **kwargs):
        promocode = self.get_object()
        PromoCode.objects.filter(pk=promocode.pk).update(views_count=F("views_count") + 1)
        return Response(self.get_serializer(promocode).data)


class SimilarPromoCodesView(generics.ListAPIView):
    """Six others: of the same store or under the same headings."""

    serializer_class = PromoCodeSerializer
    pagination_class = None

    def get_queryset(self):
        promocode = get_object_or_404(PromoCode, pk=self.kwargs["pk"])
        headings = promocode.categories.values_list("pk", flat=True)
        return (
            PromoCode.objects.filter(active_promocodes())
            .filter(Q(store=promocode.store_id) | Q(categories__in=headings))
            .exclude(pk=promocode.pk)
            .select_related("store")
            .prefetch_related("categories")
            .distinct()
            .order_by("-is_hot", "-created_at")[:6]
        )


class PromoCodeListView(generics.ListAPIView):
    """Every promo code that can be used now: filtered, searched and ordered as the visitor likes."""

    serializer_class = PromoCodeSerializer
    pagination_class = StandardPagination
    filterset_class = PromoCodeFilter
    filter_backends = [*generics.ListAPIView.filter_backends, PromoCodeOrdering]
    default_ordering = "newest"

    def get_queryset(self):
        queryset = (
            PromoCode.objects.filter(is_active=True, expires_at__gt=timezone.now())
            .select_related("store")
            .prefetch_related("categories")
        )

        search = self.request.query_params.get("search", "").strip()
        if search:
            # Every word has to be found somewhere: in the texts, in the code, in the store's name or in a heading's.
            for word in search.split()[:5]:
                queryset = queryset.filter(
                    Q(title__icontains=word)
                    | Q(description__icontains=word)
                    | Q(code__icontains=word)
                    | Q(store__name__icontains=word)
                    | Q(categories__name__icontains=word)
                )
            queryset = queryset.distinct()

        return queryset


class RecommendedPromoCodesView(PromoCodeListView):
    """The editors' choice, by default in the order of popularity."""

    default_ordering = "popular"

    def get_queryset(self):
        return super().get_queryset().filter(is_recommended=True)


class FinancialOffersView(PromoCodeListView):
    """Cards, loans and accounts. They are offers without a code, with a disclaimer."""

    serializer_class = PromoCodeDetailSerializer

    def get_queryset(self):
        return super().get_queryset().filter(offer_type=PromoCode.OfferType.FINANCIAL)


# --- Search ----------------------------------------------------------------------------------------------------------


class GlobalSearchView(APIView):
    """The search box of the header: promo codes, stores and headings for one query."""

    DEFAULT_LIMIT = 10
    MAX_LIMIT = 50
    MIN_LENGTH = 2

    def get_limit(self, request) -> int:
        try:
            limit = int(request.query_params.get("limit", self.DEFAULT_LIMIT))
        except ValueError:
            return self.DEFAULT_LIMIT
        return max(1, min(limit, self.MAX_LIMIT))

    def get(self, request):
        query = request.query_params.get("q", "").strip()
        if len(query) < self.MIN_LENGTH:
            return Response({"query": query, "promocodes": [], "stores": [], "categories": []})
        limit = self.get_limit(request)
        context = {"request": request}

        promocodes = (
            PromoCode.objects.filter(
                Q(title__icontains=query)
                | Q(description__icontains=query)
                | Q(store__name__icontains=query)
                | Q(categories__name__icontains=query),
                is_active=True,
                expires_at__gt=timezone.now(),
            )
            .select_related("store")
            .prefetch_related("categories")
            .distinct()[:limit]
        )
        stores = Store.objects.filter(
            Q(name__icontains=query) | Q(description__icontains=query), is_active=True
        ).order_by("-rating", "name")[:limit]
        categories = Category.objects.filter(name__icontains=query, is_active=True).order_by("name")[:limit]

        return Response(
            {
                "query": query,
                "promocodes": PromoCodeSerializer(promocodes, many=True, context=context).data,
                "stores": StoreSerializer(stores, many=True, context=context).data,
                "categories": CategorySerializer(categories, many=True, context=context).data,
            }
        )


# --- Contact form ----------------------------------------------------------------------------------------------------


class ContactMessageCreateView(generics.CreateAPIView):
    """The contact form. An address may send a few messages, then it has to wait."""

    serializer_class = ContactMessageSerializer
    queryset = ContactMessage.objects.none()

    def create(self, request, *args, **kwargs):
        client_ip = get_client_ip(request)
        if self.is_rate_limited(client_ip):
            logger.info("contact form: too many messages from one address")
            return Response(
                {"detail": "Too many messages. Please try again in a few minutes."},
                status=status.HTTP_429_TOO_MANY_REQUESTS,
            )

        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        message = serializer.save(
            ip_address=client_ip,
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:500],
            is_spam=self.looks_like_spam(serializer.validated_data),
        )
        return Response({"id": message.pk}, status=status.HTTP_201_CREATED)

    def is_rate_limited(self, client_ip: str | None) -> bool:
        if client_ip is None:
            return False
        recent = ContactMessage.objects.filter(
            ip_address=client_ip,
            created_at__gte=timezone.now() - timedelta(minutes=settings.CONTACT_RATE_WINDOW_MINUTES),
        ).count()
        return recent >= settings.CONTACT_RATE_LIMIT

    @staticmethod
    def looks_like_spam(data) -> bool:
        """More than two links, or the same text as a message already marked as spam from this mail address."""
        if data["message"].count("http") > 2:
            return True
        return ContactMessage.objects.filter(email=data["email"], message=data["message"], is_spam=True).exists()
