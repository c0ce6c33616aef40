"""Page: what a search found, in figures and tables, from the files it wrote."""

from tfvae.tuning.page.page import write_page

__all__ = ["write_page"]
