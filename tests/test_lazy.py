"""Attributes that are computed on first touch and plain from then on."""

from __future__ import annotations

import copy

import pytest

from microweb.lazy import lazy


class Circle:
    def __init__(self, radius: int) -> None:
        self.radius = radius
        self.computed = 0

    @lazy
    def area(self) -> float:
        """The area of the circle."""
        self.computed += 1
        return 3.0 * self.radius**2

    @lazy
    def failing(self) -> float:
        self.computed += 1
        raise LookupError("not now")


def test_it_is_computed_once_for_each_instance() -> None:
    small, large = Circle(1), Circle(2)
    assert [small.area, large.area, small.area, large.area] == [3.0, 12.0, 3.0, 12.0]
    assert (small.computed, large.computed) == (1, 1)


def test_nothing_is_computed_before_the_first_touch() -> None:
    circle = Circle(2)
    assert circle.computed == 0
    assert "area" not in vars(circle)


def test_a_computed_value_is_an_ordinary_attribute() -> None:
    circle = Circle(2)
    assert circle.area == 12.0
    assert vars(circle) == {"radius": 2, "computed": 1, "area": 12.0}


def test_it_can_be_assigned_before_and_after_it_is_computed() -> None:
    circle = Circle(2)
    circle.area = 1.0
    assert (circle.area, circle.computed) == (1.0, 0)
    circle = Circle(2)
    assert circle.area == 12.0
    circle.area = 2.0
    assert circle.area == 2.0


def test_after_deletion_it_is_computed_anew() -> None:
    circle = Circle(2)
    assert circle.area == 12.0
    circle.radius = 3
    assert circle.area == 12.0
    del circle.area
    assert circle.area == 27.0
    assert circle.computed == 2


def test_to_delete_what_was_not_computed_is_an_error() -> None:
    with pytest.raises(AttributeError):
        del Circle(2).area


def test_an_exception_is_not_kept() -> None:
    circle = Circle(2)
    for _ in range(2):
        with pytest.raises(LookupError, match="not now"):
            circle.failing  # noqa: B018
    assert circle.computed == 2
    assert "failing" not in vars(circle)


def test_the_class_shows_the_descriptor_with_its_documentation() -> None:
    assert isinstance(Circle.area, lazy)
    assert Circle.area.__doc__ == "The area of the circle."


def test_it_is_stored_under_the_name_that_it_has_in_the_class() -> None:
    def compute(self: object) -> int:
        return 7

    class Box:
        size = lazy(compute)

    box = Box()
    assert box.size == 7
    assert vars(box) == {"size": 7}


def test_a_subclass_overrides_it_with_a_constant_or_another_computation() -> None:
    class Point(Circle):
        area = 0.0

    class Sphere(Circle):
        @lazy
        def area(self) -> float:
            return 100.0

    assert Point(2).area == 0.0
    assert Sphere(2).area == 100.0


def test_a_copy_has_the_computed_value() -> None:
    circle = Circle(2)
    assert circle.area == 12.0
    twin = copy.copy(circle)
    circle.area = 0.0
    assert (twin.area, twin.computed) == (12.0, 1)


def test_none_and_false_are_values_like_others() -> None:
    class Empty:
        computed = 0

        @lazy
        def nothing(self) -> None:
            self.computed += 1

    empty = Empty()
    assert [empty.nothing, empty.nothing, empty.computed] == [None, None, 1]


def test_a_property_of_a_subclass_may_ask_for_it() -> None:
    class Sphere(Circle):
        @property
        def area(self) -> float:
            return 4 * super().area

    sphere = Sphere(1)
    assert [sphere.area, sphere.area] == [12.0, 12.0]
