"""A checker of the log's promises: writers and followers of several processes, faults, and what must then be so."""
