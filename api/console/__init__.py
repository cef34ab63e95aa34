"""The console: pages in the browser, made of what REST is made of."""
