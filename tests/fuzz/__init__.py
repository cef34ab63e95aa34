"""What a fuzzer that watches coverage is let loose on."""
