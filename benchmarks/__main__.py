"""What `make bench` runs, one after another. `make bench-replay` is apart: it takes minutes."""

from benchmarks import imports, lists

imports.main()
lists.main()
