"""Processes of one job on one machine: started under names, given their shares, and ended with whoever started them."""
