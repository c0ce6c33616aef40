"""Report: pages of pictures and numbers about a trained model, about a study, and about several runs side by side."""

from tfvae.report.comparison import FinishedRun, write_comparison
from tfvae.report.page import write_report
from tfvae.report.study import write_study

__all__ = ["FinishedRun", "write_comparison", "write_report", "write_study"]
