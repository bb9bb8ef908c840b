"""What the API shows of each model."""

from rest_framework import serializers

from core.models import (
    Banner,
    Category,
    ContactMessage,
    Event,
    Partner,
    PromoCode,
    Showcase,
    ShowcaseItem,
    SiteAssets,
    SiteSettings,
    StaticPage,
    Store,
)


class StoreSerializer(serializers.ModelSerializer):
    class Meta:
        model = Store
        fields = ["id", "name", "slug", "logo", "rating", "description", "site_url"]


class StoreBriefSerializer(serializers.ModelSerializer):
    class Meta:
        model = Store
        fields = ["id", "name", "slug", "logo", "rating"]


class CategorySerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["id", "name", "slug", "icon", "description"]


class CategoryBriefSerializer(serializers.ModelSerializer):
    class Meta:
        model = Category
        fields = ["id", "name", "slug", "icon"]


class PromoCodeSerializer(serializers.ModelSerializer):
    """A promo code as a card of a list."""

    store = StoreBriefSerializer(read_only=True)
    categories = CategoryBriefSerializer(many=True, read_only=True)

    class Meta:
        model = PromoCode
        fields = [
            "id",
            "title",
            "description",
            "offer_type",
            "discount_value",
            "discount_label",
            "is_hot",
            "is_recommended",
            "expires_at",
            "views_count",
            "store",
            "categories",
            "created_at",
        ]


class PromoCodeDetailSerializer(PromoCodeSerializer):
    """A promo code's own page: the card, the code, and the texts."""

    class Meta(PromoCodeSerializer.Meta):
        fields = [
            *PromoCodeSerializer.Meta.fields,
            "code",
            "long_description",
            "steps",
            "fine_print",
            "disclaimer",
            "affiliate_url",
            "updated_at",
        ]


class BannerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Banner
        fields = ["id", "title", "subtitle", "image", "image_mobile", "cta_text", "cta_url"]


class PartnerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Partner
        fields = ["id", "name", "logo", "url"]


class StaticPageSerializer(serializers.ModelSerializer):
    class Meta:
        model = StaticPage
        fields = ["title", "slug", "content", "updated_at"]


class ShowcaseSerializer(serializers.ModelSerializer):
    items_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Showcase
        fields = ["id", "title", "slug", "description", "banner", "items_count"]


class ShowcaseItemSerializer(serializers.ModelSerializer):
    promocode = PromoCodeSerializer(read_only=True)

    class Meta:
        model = ShowcaseItem
        fields = ["position", "promocode"]


class SiteAssetsSerializer(serializers.ModelSerializer):
    class Meta:
        model = SiteAssets
        fields = ["favicon", "logo", "og_image"]


class SiteSettingsSerializer(serializers.ModelSerializer):
    class Meta:
        model = SiteSettings
        fields = ["site_name", "contact_email", "yandex_metrika_id", "ga4_id", "telegram_url", "maintenance_mode"]


class ContactMessageSerializer(serializers.ModelSerializer):
    class Meta:
        model = ContactMessage
        fields = ["name", "email", "subject", "message"]

    def validate_message(self, value):
        if len(value.strip()) < 10:
            raise serializers.ValidationError("Please write at least ten characters.")
        return value


class EventSerializer(serializers.ModelSerializer):
    class Meta:
        model = Event
        fields = [
            "event_type",
            "promo",
            "store",
            "showcase",
            "session_id",
            "ref",
            "utm_source",
            "utm_medium",
            "utm_campaign",
        ]
        extra_kwargs = {"session_id": {"required": True, "allow_blank": False}}
