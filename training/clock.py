"""How long a training run may take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def seconds_until(text: str, now: datetime | None = None) -> float:
    """Seconds from now for a length (`60m`) or to the next such time of day in UTC (`15:05`)."""
    if text.endswith("m"):
        return float(text[:-1]) * 60
    now = now or datetime.now(UTC)
    hour, minute = (int(part) for part in text.split(":"))
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return ((moment if moment > now else moment + timedelta(days=1)) - now).total_seconds()
