"""What is answered over HTTP and printed by commands, as JSON. Amounts are numbers."""

import msgspec

encode = msgspec.json.Encoder(decimal_format="number").encode
