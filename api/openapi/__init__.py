"""The OpenAPI document: what each operation takes, answers and refuses, said once for people, clients and tests."""
