"""Curves as an SVG that can be read."""

from xml.etree import ElementTree as ET

from loadtest.curves import HEIGHT, LEFT, WIDTH, Band, Panel, svg

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(*panels: Panel) -> list[str]:
    """The points of every line."""
    root = ET.fromstring(svg(panels, [Band(1, 2, "burst")]))
    return [line.attrib["points"] for line in root.iter(f"{NAMESPACE}polyline")]


def test_a_line_goes_from_the_first_second_to_the_last_and_up_to_the_most() -> None:
    """Within its panel."""
    [points] = drawn(Panel("lag", {"lag": [0, 5, 10]}))
    places = [tuple(map(float, point.split(","))) for point in points.split()]
    assert [x for x, _ in places] == [LEFT, LEFT + WIDTH / 2, LEFT + WIDTH]
    assert places[0][1] - places[-1][1] == HEIGHT


def test_where_nothing_is_known_the_line_has_a_gap() -> None:
    """Instead of falling to 0."""
    assert len(drawn(Panel("p99", {"p99": [1, None, 2, 3]}))) == 2


def test_lines_of_a_panel_share_a_scale_and_have_names() -> None:
    """A legend only where there is more than one."""
    text = svg([Panel("requests", {"2xx": [1, 2], "429": [4, 0]})])
    assert ">2xx<" in text
    assert ">429<" in text
    assert len(drawn(Panel("nothing", {"none": [None, None]}))) == 0
