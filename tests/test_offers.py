"""What is offered reaches what asks for it, and nothing else."""

from tfvae.offers import accepted


class Part:
    """Has a constructor, a method, and both can be asked."""

    def __init__(self, size, seed=0):
        self.size, self.seed = size, seed

    def call(self, x, condition=None):
        return x, condition


def test_only_what_is_named_is_handed_over():
    assert accepted(lambda x, condition=None: x, condition=1, seed=2) == {"condition": 1}


def test_what_is_not_there_is_not_handed_over():
    assert accepted(lambda condition=None, seed=None: None, condition=None, seed=0) == {"seed": 0}


def test_false_and_zero_are_there():
    assert accepted(lambda training, step: None, training=False, step=0) == {"training": False, "step": 0}


def test_a_class_is_asked_by_its_constructor_and_a_method_without_self():
    assert accepted(Part, size=3, condition=1) == {"size": 3}
    assert accepted(Part(3).call, size=3, condition=1, self=4) == {"condition": 1}


def test_a_function_of_any_keywords_names_none():
    assert accepted(lambda **anything: None, condition=1) == {}
