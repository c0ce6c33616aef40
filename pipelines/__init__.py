"""The operator's folder: configurations, and one module a job."""
