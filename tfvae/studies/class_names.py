"""Class names, short enough to stand beside or below an image."""

from tfvae.report.figures import maps

MOST_LETTERS = 12


def short_names(labels, class_names):
    """Names of labels, [N] texts; where cut names would be the same for different classes, their numbers."""
    names = {label: _cut(maps.class_name(label, class_names)) for label in dict.fromkeys(map(int, labels))}
    are_different = len(set(names.values())) == len(names)
    return [names[int(label)] if are_different else str(int(label)) for label in labels]


def _cut(name):
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 3]}..."
