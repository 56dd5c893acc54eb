"""A1111's `/sdapi/v1` and the parts of `/internal` its clients use: translation only, see docs/a1111-api.md."""

from __future__ import annotations

from redraw.server.routes.sdapi import extras, generate, listings, options, progress, refused

routers = [module.router for module in (generate, progress, options, listings, extras, refused)]
routers += [progress.internal, listings.internal]

__all__ = ["routers"]
