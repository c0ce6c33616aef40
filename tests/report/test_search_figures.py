"""Figures of a search show what they say."""

import numpy as np
import pytest

from tfvae.report.figures.canvas import DARK, LIGHT, png
from tfvae.report.figures.many_curves import many_curves
from tfvae.report.figures.parameter_map import COLOURS, Field, parameter_map
from tfvae.report.figures.progress import progress
from tfvae.report.figures.responses import Response, responses
from tfvae.report.figures.shares import shares
from tfvae.report.figures.trade_off import TradeOff, limits, num_outside, trade_off
from tfvae.report.figures.value_axis import ValueAxis, frame, near

BETA = ValueAxis("beta", is_log=True, bounds=(0.25, 8.0))
SIZE = ValueAxis("size", ("2", "4", "8"))
Y = np.array([1.0, 2.0, 3.0])


def line_of(axes, label):
    """Points of the line, or of the error bars, that the legend calls by a label."""
    handles, labels = axes.get_legend_handles_labels()
    handle = handles[labels.index(label)]
    return np.asarray((handle.lines[0] if hasattr(handle, "lines") else handle).get_xydata())


def response(axis=BETA, y=Y, **changes):
    x = np.array([0.5, 1.0, 2.0]) if axis is BETA else np.arange(3.0)
    given = {"error": np.full(len(y), 0.1), "best": 0, "trend": [(0.5, 2.0, 1.5, 2.0, 2.5)], "failed": np.array([4.0])}
    return Response(axis, x, np.asarray(y), **(given | changes))


def trade(directions=("min", "min"), front=(True, True, False), outlawed=(False, False, False)):
    x, y = np.array([1.0, 2.0, 2.0]), np.array([2.0, 1.0, 2.0])
    errors = np.full(3, 0.1)
    return TradeOff(("rate", "distortion"), directions, x, y, errors, errors, np.array(front), np.array(outlawed))


def test_what_lies_far_out_leaves_the_frame():
    assert near([1.0, 2.0, 3.0, 4.0, 1e6, np.nan]) == (1.0, 4.0)
    assert near([1.0, 2.0, 3.0, 4.0]) == (1.0, 4.0)
    low, high = frame([5.0])
    assert low < 5.0 < high and near([]) == (0.0, 1.0)


def test_the_best_does_not_leave_the_frame():
    y = np.array([-50.0, 1.0, 1.1, 1.2, 1.1])
    panel = response(y=y)._replace(x=np.arange(1.0, 6.0), error=np.zeros(5), trend=[], failed=np.array([]))
    assert responses([panel], "loss", [-50.0]).axes[0].get_ylim()[0] < -50
    best = np.minimum.accumulate(y)
    figure = progress(np.arange(5), y, np.zeros(5), best, {"trial": np.full(5, True)}, [], "loss")
    assert figure.axes[0].get_ylim()[0] < -50


def test_the_front_does_not_leave_the_frame_and_what_does_is_counted():
    x, y = np.array([100.0, 1.0, 1.1, 1.2, 1.3, 1e4]), np.array([1.0, 5.0, 5.1, 5.2, 5.3, 9.0])
    front = np.array([True, True, False, False, False, False])
    panel = TradeOff(("rate", "distortion"), ("min", "min"), x, y, np.zeros(6), np.zeros(6), front, np.full(6, False))
    (left, right), (bottom, top) = limits(panel)
    assert left < 1 and 100 < right < 1e4 and bottom < 1 and top > 5.3 and num_outside(panel) == 1
    assert limits(panel, {"best": 5})[0][1] > 1e4 and num_outside(panel, {"best": 5}) == 0


def test_choices_of_one_value_lie_beside_one_another_and_numbers_where_they_are():
    places = np.zeros(50)
    spread = SIZE.spread(places, 0.3)
    assert len(np.unique(spread)) == 50 and np.abs(spread).max() <= 0.3
    assert np.array_equal(BETA.spread(places, 0.3), places)


def test_a_logarithmic_axis_shows_all_that_was_looked_at():
    axes = responses([response()], "loss").axes[0]
    left, right = axes.get_xlim()
    assert axes.get_xscale() == "log" and 0.2 < left < 0.25 and 8 < right < 10


def test_choices_are_named_at_their_places():
    axes = responses([response(SIZE, failed=np.array([]))], "loss").axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["2", "4", "8"]
    assert axes.get_xticks().tolist() == [0, 1, 2]


def test_a_response_has_its_trials_its_median_and_its_best():
    axes = responses([response()], "loss").axes[0]
    assert line_of(axes, "trial").tolist() == [[0.5, 1.0], [1.0, 2.0], [2.0, 3.0]]
    assert line_of(axes, "median").tolist() == [[0.5, 2.0], [2.0, 2.0]]
    stars = [c for c in axes.collections if c.get_label() == "best trial"]
    assert np.asarray(stars[0].get_offsets()).tolist() == [[0.5, 1.0]]


def test_a_trial_outside_of_the_frame_is_a_triangle_at_its_edge():
    y = np.array([1.0, 1.1, 1.2, 1.1, 99.0])
    panel = response(y=y)._replace(x=np.arange(1.0, 6.0), error=np.zeros(5), trend=[], failed=np.array([]))
    axes = responses([panel], "loss").axes[0]
    top = axes.get_ylim()[1]
    triangles = [np.asarray(c.get_offsets()).tolist() for c in axes.collections if c.get_label().startswith("_")]
    assert top < 2 and [[5.0, top]] in triangles


def test_eight_panels_share_a_scale_and_fill_two_columns():
    figure = responses([response()] * 8, "loss")
    assert len({axes.get_ylim() for axes in figure.axes[:8]}) == 1
    assert len({round(axes.get_position().x0, 2) for axes in figure.axes[:8]}) == 2


def test_the_map_colours_trials_and_field_by_one_scale():
    field = Field(np.array([-0.5, 0.5, 1.5, 2.5]), np.array([0.25, 8.0]), np.array([[1.0, 2.0, 3.0]]), np.ones((1, 3)))
    figure = parameter_map([SIZE, BETA], [0, 1, 2], [0.5, 1.0, 2.0], Y, "loss", best=0, field=field)
    mesh, *others = figure.axes[0].collections
    points = others[1].get_facecolors()
    np.testing.assert_allclose(points[:, :3], COLOURS([0.0, 0.5, 1.0])[:, :3])
    np.testing.assert_allclose(mesh.get_array().reshape(-1, 4)[:, :3], points[:, :3])


def test_a_field_that_knows_nothing_cannot_be_seen():
    field = Field(np.array([-0.5, 0.5]), np.array([0.25, 1.0, 8.0]), np.ones((2, 1)), np.array([[0.0], [1.0]]))
    figure = parameter_map([SIZE, BETA], [0], [1.0], np.ones(1), "loss", field=field)
    assert figure.axes[0].collections[0].get_array().reshape(-1, 4)[:, 3].tolist() == [0.0, 0.65]


@pytest.mark.parametrize(("direction", "style"), [("min", "steps-post"), ("max", "steps-pre")])
def test_the_staircase_passes_no_trial_of_the_front(direction, style):
    axes = trade_off([trade((direction, "min"))]).axes[0]
    stairs = [line for line in axes.lines if line.get_drawstyle() == style]
    assert len(stairs) == 1 and stairs[0].get_xydata().tolist() == [[1.0, 2.0], [2.0, 1.0]]


def test_a_trial_that_breaks_a_bound_is_hollow():
    axes = trade_off([trade(outlawed=(False, False, True))]).axes[0]
    handles, labels = axes.get_legend_handles_labels()
    assert "trial" not in labels
    assert handles[labels.index("breaks a bound")].lines[0].get_markerfacecolor() == "none"


def test_along_a_dotted_line_the_sum_is_the_number_at_it():
    axes = trade_off([trade()], sums=True).axes[0]
    sums = {round(float(line.get_xydata().sum(axis=1)[0]), 6) for line in axes.lines if line.get_linestyle() == ":"}
    named = {float(text.get_text()) for text in axes.texts}
    assert named and named <= sums and all(np.ptp(line.get_xydata().sum(axis=1)) < 1e-9
                                           for line in axes.lines if line.get_linestyle() == ":")  # fmt: skip


def test_progress_has_the_best_so_far_as_stairs():
    kinds = {"trial": np.array([True, True, False]), "breaks a bound": np.array([False, False, True])}
    figure = progress(np.array([1, 2, 4]), Y, np.zeros(3), np.array([1.0, 1.0, 1.0]), kinds, [3], "loss")
    axes = figure.axes[0]
    assert line_of(axes, "best so far").tolist() == [[1, 1], [2, 1], [4, 1]]
    assert line_of(axes, "trial")[:, 0].tolist() == [1, 2] and line_of(axes, "breaks a bound")[:, 0].tolist() == [4]


def test_curves_that_end_far_above_the_others_do_not_flatten_them():
    lines = [(range(20), np.linspace(5 + i, 1, 20)) for i in range(8)]
    figure = many_curves({"best": lines[:1], "others": [*lines[1:], (range(20), np.full(20, 1e4))]}, "epochs", "loss")
    assert figure.axes[0].get_ylim()[1] < 15


def test_curves_without_a_best_and_of_one_epoch_are_drawn():
    figure = many_curves({"best": [], "others": [([1], [2.0])]}, "epochs", "loss")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["others"]


def test_bars_that_do_not_pass_chance_are_grey():
    bars = shares(["a", "b"], np.array([0.5, 0.1]), np.zeros(2), 0.2, "share").axes[0].patches
    assert bars[0].get_facecolor() != bars[1].get_facecolor() and bars[1].get_width() == 0.1


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(
    "draw",
    [
        lambda: responses([response(), response(SIZE)], "loss"),
        lambda: parameter_map([SIZE, BETA], [0, 1, 2], [0.5, 1.0, 2.0], Y, "loss", failed=([1], [4.0])),
        lambda: trade_off([trade()], marks={"best trial": 0, "default": 1}, sums=True),
        lambda: shares(["a"], np.array([0.5]), np.zeros(1), 0.2, "share"),
    ],
)
def test_figures_become_png_files(draw, theme):
    assert png(draw(), theme).startswith(b"\x89PNG")
