"""What people do, whoever asks: REST, the command line, an import, a test. Functions over a `Unit`, or over a `Store`
where they only read; no HTTP, no JSON, no status codes.
"""
