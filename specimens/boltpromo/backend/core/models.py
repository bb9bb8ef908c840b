"""The fourteen models of BoltPromo."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from core.fields import ImageField, RichTextField

# --- Content ---------------------------------------------------------------------------------------------------------


class Store(models.Model):
    """A shop or brand that has promo codes."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100, unique=True)
    logo = ImageField(upload_to="stores/", blank=True)
    rating = models.DecimalField(
        max_digits=3,
        decimal_places=1,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(5)],
    )
    description = models.TextField(blank=True)
    site_url = models.URLField(blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Category(models.Model):
    """A heading that promo codes are found under."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=100, unique=True)
    icon = models.CharField(max_length=50, blank=True)
    description = models.TextField(blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["name"]

    def __str__(self):
        return self.name


class PromoCode(models.Model):
    """One offer of one store."""

    class OfferType(models.TextChoices):
        COUPON = "coupon", "Coupon"
        DEAL = "deal", "Deal"
        FINANCIAL = "financial", "Financial product"
        CASHBACK = "cashback", "Cashback"

    title = models.CharField(max_length=200)
    description = models.TextField()
    offer_type = models.CharField(max_length=20, choices=OfferType.choices, default=OfferType.COUPON)
    code = models.CharField(max_length=50, blank=True)
    discount_value = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(100)],
        help_text="Per cent; 0 when the offer is not a percentage.",
    )
    discount_label = models.CharField(max_length=100, blank=True, help_text="Shown instead of the percentage.")
    long_description = models.TextField(blank=True)
    steps = models.TextField(blank=True)
    fine_print = models.TextField(blank=True)
    disclaimer = models.TextField(blank=True)
    is_hot = models.BooleanField(default=False)
    is_recommended = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    views_count = models.PositiveIntegerField(default=0)
    affiliate_url = models.URLField(blank=True)
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="promocodes")
    categories = models.ManyToManyField(Category, related_name="promocodes", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-is_recommended", "-created_at"]
        # Two more indexes on this table come from migrations 0013 and 0014: their names are too long for this list.
        indexes = [
            models.Index(fields=["is_active", "expires_at"]),
            models.Index(fields=["store", "is_active"]),
            models.Index(fields=["is_hot", "is_active"]),
            models.Index(fields=["-created_at"]),
        ]

    def __str__(self):
        return self.title

    @property
    def views(self):
        """The name of `views_count` before migration 0007; old templates still use it."""
        return self.views_count

    @property
    def is_expired(self):
        return self.expires_at <= timezone.now()


class Banner(models.Model):
    """A banner of the home page's carousel."""

    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=300, blank=True)
    image = ImageField(upload_to="banners/", help_text="Desktop, 1920 x 600.")
    image_mobile = ImageField(upload_to="banners/mobile/", blank=True, help_text="Phone, 750 x 900.")
    cta_text = models.CharField(max_length=50, blank=True)
    cta_url = models.CharField(max_length=300, blank=True)
    sort_order = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["sort_order", "-created_at"]

    def __str__(self):
        return self.title


class Showcase(models.Model):
    """A collection of promo codes chosen by hand."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    banner = ImageField(upload_to="showcases/", blank=True)
    sort_order = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["sort_order", "-created_at"]

    def __str__(self):
        return self.title


class ShowcaseItem(models.Model):
    """A promo code's place in a showcase."""

    showcase = models.ForeignKey(Showcase, on_delete=models.CASCADE, related_name="items")
    promocode = models.ForeignKey(PromoCode, on_delete=models.CASCADE, related_name="showcase_items")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        unique_together = [("showcase", "promocode")]

    def __str__(self):
        return f"{self.showcase_id}: {self.promocode_id}"


# --- Static content --------------------------------------------------------------------------------------------------


class StaticPage(models.Model):
    """FAQ, terms, privacy."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=100, unique=True)
    content = RichTextField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["title"]

    def __str__(self):
        return self.title


class Partner(models.Model):
    """A partner whose logo stands in the footer."""

    name = models.CharField(max_length=100)
    logo = ImageField(upload_to="partners/")
    url = models.URLField(blank=True)
    order = models.PositiveIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["order", "name"]

    def __str__(self):
        return self.name


class SiteAssets(models.Model):
    """The site's own pictures. One row."""

    singleton_id = models.PositiveSmallIntegerField(default=1, unique=True, editable=False)
    favicon = ImageField(upload_to="site/", blank=True)
    logo = ImageField(upload_to="site/", blank=True)
    og_image = ImageField(upload_to="site/", blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "site assets"

    def __str__(self):
        return "Site assets"

    def save(self, *args, **kwargs):
        self.singleton_id = 1
        super().save(*args, **kwargs)

    @classmethod
    def load(cls):
        return cls.objects.get_or_create(singleton_id=1)[0]


class SiteSettings(models.Model):
    """What the owner may change without a release. One row."""

    singleton_id = models.PositiveSmallIntegerField(default=1, unique=True, editable=False)
    site_name = models.CharField(max_length=100, default="BoltPromo")
    contact_email = models.EmailField(blank=True)
    yandex_metrika_id = models.CharField(max_length=50, blank=True)
    ga4_id = models.CharField(max_length=50, blank=True)
    telegram_url = models.URLField(blank=True)
    maintenance_mode = models.BooleanField(default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "site settings"

    def __str__(self):
        return self.site_name

    def save(self, *args, **kwargs):
        self.singleton_id = 1
        super().save(*args, **kwargs)

    @classmethod
    def load(cls):
        return cls.objects.get_or_create(singleton_id=1)[0]


# --- Visitors --------------------------------------------------------------------------------------------------------


class ContactMessage(models.Model):
    """What a visitor sent through the contact form."""

    name = models.CharField(max_length=100)
    email = models.EmailField()
    subject = models.CharField(max_length=200, blank=True)
    message = models.TextField()
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    is_processed = models.BooleanField(default=False)
    is_spam = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.name}: {self.subject or self.message[:40]}"


# --- Analytics -------------------------------------------------------------------------------------------------------

PROMO_CLICK_TYPES = ["promo_open", "deal_open", "finance_open", "click", "open"]
PROMO_COPY_TYPES = ["promo_copy", "copy"]
CLICK_EVENT_TYPES = [*PROMO_CLICK_TYPES, *PROMO_COPY_TYPES]

EVENT_TYPES = [
    "promo_view",
    "promo_copy",
    "promo_open",
    "finance_open",
    "deal_open",
    "showcase_view",
    "showcase_open",
    # Sent by front ends from before October 2025.
    "click",
    "copy",
    "open",
]

# What the daily aggregates call each type: opens and copies under the names they had before October 2025.
AGGREGATED_AS = {
    **dict.fromkeys(EVENT_TYPES, "view"),
    **dict.fromkeys(PROMO_CLICK_TYPES, "click"),
    **dict.fromkeys(PROMO_COPY_TYPES, "copy"),
}


class Event(models.Model):
    """One thing a visitor did. Never changed, never deleted."""

    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    event_type = models.CharField(max_length=40, db_index=True)
    promo = models.ForeignKey(PromoCode, on_delete=models.SET_NULL, null=True, blank=True)
    store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, blank=True)
    showcase = models.ForeignKey(Showcase, on_delete=models.SET_NULL, null=True, blank=True)
    session_id = models.CharField(max_length=64, blank=True)
    client_ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.TextField(blank=True)
    ref = models.CharField(max_length=100, blank=True)
    utm_source = models.CharField(max_length=100, blank=True)
    utm_medium = models.CharField(max_length=100, blank=True)
    utm_campaign = models.CharField(max_length=100, blank=True)
    is_unique = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["event_type", "created_at"]),
            models.Index(fields=["promo", "event_type"]),
            models.Index(fields=["store", "event_type"]),
        ]

    def __str__(self):
        return f"{self.event_type} at {self.created_at:%Y-%m-%d %H:%M}"


class DailyAgg(models.Model):
    """Events counted per day, type, promo, store and showcase."""

    date = models.DateField()
    event_type = models.CharField(max_length=40)
    promo = models.ForeignKey(PromoCode, on_delete=models.SET_NULL, null=True, blank=True)
    store = models.ForeignKey(Store, on_delete=models.SET_NULL, null=True, blank=True)
    showcase = models.ForeignKey(Showcase, on_delete=models.SET_NULL, null=True, blank=True)
    count = models.PositiveIntegerField(default=0)
    unique_count = models.PositiveIntegerField(default=0)

    class Meta:
        # One more index comes from migration 0014.
        indexes = [models.Index(fields=["date", "event_type"])]
        unique_together = [("date", "event_type", "promo", "store", "showcase")]

    def __str__(self):
        return f"{self.date} {self.event_type}: {self.count}"


# --- Admin -----------------------------------------------------------------------------------------------------------


class AdminActionLog(models.Model):
    """Who did what in the admin; kept as text so that it outlives the account."""

    user = models.CharField(max_length=150)
    action = models.CharField(max_length=50)
    model_name = models.CharField(max_length=100)
    object_id = models.CharField(max_length=50, blank=True)
    details = models.TextField(blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return f"{self.user}: {self.action} {self.model_name} {self.object_id}"
