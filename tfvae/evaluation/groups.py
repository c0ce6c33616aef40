"""Groups: parts of several sets, left out one after the other for the standard error of what compares the sets."""

import numpy as np

from tfvae.evaluation.metrics import GROUPS, jackknife


def groups_of(*sets, seed=0):
    """The group of each row of each set: integers from 0 up, of all sets as many; at most 10, and a row for each.

    Rows are drawn into groups, for their order may mean something: data is often sorted by class.
    """
    number, random = min(GROUPS, *map(len, sets)), np.random.RandomState(seed)
    return [random.permutation(len(rows)) % number for rows in sets]


def without_each(statistic, num_groups):
    """A statistic of independent sets, and its standard error by leaving out one group of each set at a time.

    A group of every set is left out at once: the sets are independent, and so the errors they cause add up.

    Args:
        statistic: Function of the numbers of the groups that are kept, int [K], -> number or array.
        num_groups: Number of groups.

    Returns:
        (value, standard error).
    """
    return jackknife(statistic, np.arange(num_groups), num_groups=num_groups)
