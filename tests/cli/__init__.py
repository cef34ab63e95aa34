"""`custodiary` as people and scripts run it: real processes on a real store."""
