"""`python -m loader …` is `loader …`."""

from loader.cli import main

main()
