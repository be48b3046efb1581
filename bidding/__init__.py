"""The bid-signing workbench: the product and its edges."""
