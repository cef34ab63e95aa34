"""Plain HTTP: httpx reads all certificate authorities for each client unless it is given a context, for 60 ms."""

import ssl

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
