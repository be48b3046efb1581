"""`python -m bidding.cli` is the command `yizhao`."""

from bidding.cli import main

main()
