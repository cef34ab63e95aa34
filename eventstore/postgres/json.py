"""JSON is written in two ways, and in no other."""

import msgspec

# Decimals as text, which keeps them exact: for what is read again here.
encode = msgspec.json.Encoder().encode
# Decimals as numbers: for columns that PostgreSQL reads, and for clients.
encode_numbers = msgspec.json.Encoder(decimal_format="number").encode
