"""Settings, from the environment and from `.env.development`."""

from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that differs between environments. Variables of the process win over the file."""

    model_config = SettingsConfigDict(env_file=".env.development", extra="ignore")

    environment: str = "development"
    debug: bool = False

    database_url: str = "postgresql://analytic:change_me@localhost:10100/analytic_bot"
    db_pool_size: int = 5
    db_max_overflow: int = 10
    db_pool_timeout: int = 30
    db_echo: bool = False

    redis_url: str = "redis://localhost:10200/0"

    session_lifetime_hours: int = 24 * 14
    page_size: int = 50
    max_page_size: int = 200

    scheduler_batch: int = 50
    scheduler_max_retries: int = 3
    raw_stats_keep_days: int = 30


@lru_cache
def get_settings() -> Settings:
    return Settings()
