"""docs/scaling.md says what the manifests do now."""

from loadtest.scaling_page import PAGE, PLOT, page, plot


def test_the_page_is_fresh() -> None:
    """`python -m loadtest.scaling_page` would write the same."""
    assert PAGE.read_text() == page()


def test_the_plot_is_fresh() -> None:
    """It shows the manifest as it stands."""
    assert PLOT.read_text() == plot()
