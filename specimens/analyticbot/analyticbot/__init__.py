"""AnalyticBot: statistics and scheduling for owners of Telegram channels."""
