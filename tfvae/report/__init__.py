"""Report: one page of pictures and numbers about a trained model."""

from tfvae.report.page import write_report

__all__ = ["write_report"]
