"""Where what is served begins."""

BASE = "/wp-json/fluent-cart/v2"
CONSOLE = "/console"
ASSETS = f"{CONSOLE}/assets/"
