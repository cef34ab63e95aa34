"""Kept answers: their bodies compressed to a sixth, and what an erasure removes from them."""

import zlib

# The idempotency keys stay: a request that is sent again must not bring somebody back.
FORGET_ANSWERS = """
    UPDATE answers SET fingerprint = '', etag = NULL, body = '', customer_id = NULL, user_id = NULL
    WHERE customer_id = ANY($1) OR user_id = ANY($2)"""

# What bodies are likely to have, the most frequent last. It never changes: what is kept can be read with it alone.
TYPICAL = (
    b'{"message":"Billing address created successfully!","data":{"id":1,"customer_id":1,"is_primary":1,"type":"shippin'
    b'gbilling","status":"active","label":"","name":"","address_1":"","address_2":"","city":"New York","state":"NY","p'
    b'ostcode":"","country":"US","phone":"","email":"@example.com","meta":[],"created_at":"2026-01-01 00:00:00","updat'
    b'ed_at":"","formatted_address":{"country":"United States","state":"","city":"","postcode":"","address_1":"","addr'
    b'ess_2":"","type":"billing","name":"","company_name":"","label":"","phone":"","full_address":""},"company_name":"'
    b'"}}{"message":"Refund recorded successfully!Payment recorded successfully!Order placed successfully!","data":{"i'
    b'd":1,"status":"completedprocessingon-hold","parent_id":null,"receipt_number":null,"invoice_no":"","fulfillment_t'
    b'ype":"","type":"payment","mode":"live","shipping_status":"","customer_id":1,"payment_method":"","payment_status"'
    b':"pendingpaid","payment_method_title":"","currency":"EURUSD","subtotal":0,"discount_tax":0,"manual_discount_tota'
    b'l":0,"coupon_discount_total":0,"shipping_tax":0,"shipping_total":0,"fee_total":0,"tax_total":0,"total_amount":10'
    b'00,"total_paid":1000,"total_refund":0,"rate":1,"tax_behavior":0,"note":"","ip_address":"","completed_at":null,"r'
    b'efunded_at":null,"uuid":"","config":[],"created_at":"2026-01-01 00:00:00","updated_at":"","order_items":[],"tran'
    b'sactions":[{"id":1,"order_id":1,"order_type":"payment","transaction_type":"refundcharge","status":"succeeded","c'
    b'urrency":"USD","total":1000,"payment_method":"","payment_mode":"live","vendor_charge_id":"","uuid":"","created_a'
    b't":"2026-01-01 00:00:00","updated_at":""}],"billing_address":null,"shipping_address":null}}{"message":"Customer '
    b'created successfully!Customer updated successfully!","data":{"id":1,"user_id":null,"contact_id":null,"email":"@e'
    b'xample.com","first_name":"","last_name":"","status":"active","purchase_value":{"USD":[],"purchase_count":0,"ltv"'
    b':0,"first_purchase_date":null,"last_purchase_date":null,"aov":0,"notes":"","uuid":"","country":null,"city":null,'
    b'"state":null,"postcode":null,"created_at":"2026-01-01 00:00:00","updated_at":"","full_name":"","photo":"https://'
    b'secure.gravatar.com/avatar/?s=100&d=mm&r=g","country_name":"","formatted_address":{"country":"","state":null,"ci'
    b'ty":null,"postcode":null,"first_name":"","last_name":"","full_name":""},"user_link":""}}'
)
LEVEL, WINDOW, MEMORY = 6, 12, 5  # a small window takes a quarter of the time, and holds all of the above


def pack(body: bytes) -> bytes:
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY, zdict=TYPICAL)
    return packing.compress(body) + packing.flush()


def unpack(packed: bytes) -> bytes:
    """The body; versions before this kept it as it is."""
    if packed.startswith(b"{"):
        return packed
    return zlib.decompressobj(WINDOW, zdict=TYPICAL).decompress(packed)
