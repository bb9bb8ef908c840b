"""What goes in and out."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ChannelOut(Out):
    id: int
    title: str
    username: str | None
    category: str
    subscriber_count: int
    is_active: bool


class ChannelIn(BaseModel):
    id: int
    title: str = Field(min_length=1, max_length=255)
    username: str | None = Field(None, max_length=64)
    category: str = "other"


class PostOut(Out):
    channel_id: int
    msg_id: int
    date: datetime
    text: str
    content_type: str


class MetricOut(Out):
    snapshot_time: datetime
    views: int
    forwards: int
    reactions_count: int


class DeliveryOut(Out):
    status: str
    attempt: int
    error_message: str | None


class ScheduledOut(Out):
    id: int
    channel: ChannelOut
    post_text: str | None
    schedule_time: datetime
    status: str
    deliveries: list[DeliveryOut]


class ScheduledIn(BaseModel):
    channel_id: int
    post_text: str = Field(min_length=1, max_length=4096)
    schedule_time: datetime
    tags: list[str] = []


class PlanOut(Out):
    id: int
    name: str
    price: Decimal
    max_channels: int


class PaymentOut(Out):
    id: int
    amount: Decimal
    currency: str
    status: str
    created_at: datetime


class SubscriptionOut(Out):
    id: int
    plan: PlanOut
    status: str
    current_period_end: datetime
    payments: list[PaymentOut]


class UserOut(Out):
    id: int
    username: str | None
    full_name: str
    role: str
    status: str
    plan: PlanOut | None


class AuditOut(Out):
    id: int
    action: str
    resource_type: str
    resource_id: str | None
    created_at: datetime


class LoginIn(BaseModel):
    username: str
    token: str = Field(min_length=20)


class CollectedPost(BaseModel):
    id: int
    date: datetime
    text: str = ""
    links: list[str] = []
    views: int = 0
    forwards: int = 0


class CollectedIn(BaseModel):
    channel_id: int
    subscribers: int = Field(ge=0)
    posts: list[CollectedPost]


class WebhookIn(BaseModel):
    id: str
    type: str
    data: dict[str, Any] = {}
