"""Tuning: a search over the values of an experiment, trial by trial, in one process or in many."""
