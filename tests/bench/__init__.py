"""How fast and how flat: the product beside what people would do without it. `make bench`, `make bench-quick`."""
