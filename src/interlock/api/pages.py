"""The documentation page: the OpenAPI document, and Swagger UI from this machine's own disk.

Decides which files are given out. Invariant: the page works without a network, and no path outside
the library's own folder is ever read.
"""

from importlib.resources import files
from typing import Any

import msgspec

from interlock.api.problems import ApiCode, Problem, problem
from interlock.api.route import Asked, Param, Reply, Route

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Interlock API</title>
<link rel="icon" href="/docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true,
                 supportedSubmitMethods: []});
</script>
</body>
</html>
"""
CACHED = {"Cache-Control": "public, max-age=86400"}


class Pages:
    """The pages of one server. ``document`` is set once the routes are known."""

    def __init__(self) -> None:
        self.document: object = {}

    async def openapi(self, asked: Asked) -> Reply:
        return Reply(msgspec.json.encode(self.document))

    async def page(self, asked: Asked) -> Reply:
        return Reply(PAGE.encode(), media_type="text/html; charset=utf-8")

    async def asset(self, asked: Asked) -> Reply | Problem:
        name = asked.path["name"]
        kind = ASSETS.get(name)
        if kind is None:
            return problem(ApiCode.NOT_FOUND, f"There is no file {name!r} here.")
        data = (files("swagger_ui") / "static" / name).read_bytes()
        return Reply(data, headers=dict(CACHED), media_type=kind)

    def routes(self) -> list[Route]:
        name = Param("name", "A file of the page", place="path", required=True)
        open_to_all: dict[str, Any] = {"scope": None, "tag": "Documentation"}
        return [
            Route(
                "GET",
                "/openapi.json",
                self.openapi,
                "This document",
                **open_to_all,
                answer=dict[str, object],
            ),
            Route(
                "GET",
                "/docs",
                self.page,
                "This document, to be read",
                **open_to_all,
                media="text/html",
            ),
            Route(
                *("GET", "/docs/assets/{name}", self.asset, "A file of the page"),
                **open_to_all,
                params=(name,),
                media="application/octet-stream",
                errors=(ApiCode.NOT_FOUND,),
            ),
        ]
