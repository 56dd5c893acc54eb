"""Work that takes several runs: a generator over requests, with its own frozen options."""
