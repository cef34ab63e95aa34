"""Where what is served begins."""

BASE = "/wp-json/fluent-cart/v2"
CONSOLE = "/console"
ASSETS = f"{CONSOLE}/assets/"
WELCOME = f"{CONSOLE}/welcome"  # and the token of a link that signs in once
