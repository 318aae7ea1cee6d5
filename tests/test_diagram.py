"""The HTML representation of fitted estimators, with the diagram of the network."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scaffolding import KINDS, SMALL, any_solver, data_of, short_fits
from skfcnet import FCNetClassifier, FCNetRegressor, FCNetTransformer

pytestmark = [short_fits, any_solver]
ROOT = Path(__file__).parents[1]


class Diagram(HTMLParser):
    """The texts of a diagram: its summary, its boxes and the rows of its table."""

    def __init__(self, estimator):
        super().__init__()
        self.summary, self.boxes, self.rows = "", [], []
        self._open = []
        html = estimator._repr_html_()
        assert estimator._repr_mimebundle_()["text/html"].count("skfcnet-network") == (
            html.count("skfcnet-network")
        )
        start = '<details class="skfcnet-network"'
        assert html.count(start) == 1
        self.feed(html[html.index(start) :])
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self._open.append(tag)
        if tag == "li":
            self.boxes.append([])
        elif tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "li" in self._open:
            self.boxes[-1].append(data)
        elif "tr" in self._open:
            self.rows[-1].append(data)
        else:
            self.summary += data

    @property
    def titles(self):
        return [box[0] for box in self.boxes]

    @property
    def treatments(self):
        """What happens to each column, by its name."""
        return {
            name: words for names, words in self.rows[1:] for name in names.split(", ")
        }

    def n_parameters(self):
        """Return the numbers of parameters of all boxes."""
        text = "\n".join(line for box in self.boxes for line in box)
        return [number_in(found) for found in re.findall(r"(.*) parameters?", text)]


def number_in(text):
    return int(re.search(r"[\d,]+", text).group().replace(",", ""))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    n = 300
    X = pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "many": pd.Categorical(rng.integers(0, 90, n).astype(str)),
            "flag": rng.integers(0, 2, n) * 1.0,
            "few": pd.Categorical(rng.choice(list("abc"), n)),
            "two & <b>": pd.Categorical(rng.choice(["yes", "no"], n)),
            "gaps": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        }
    )
    return X, (X.number > 0) * 1


def test_the_diagram_shows_layers_widths_and_what_happens_to_each_column(table):
    settings = SMALL | {"hidden_layer_sizes": (8, 5), "linear_term": True}
    net = FCNetClassifier(
        **settings,
        numeric_embedding="ple",
        normalization="batch",
        dropout=0.25,
        input_dropout=0.1,
    ).fit(*table)
    diagram = Diagram(net)
    assert diagram.titles == [
        "Input",
        "Features",
        "Hidden layer 1",
        "Hidden layer 2",
        "Output",
        "Linear term",
    ]
    assert diagram.boxes[0][1] == "6 columns"
    width = net.coefs_[0].shape[0]
    assert diagram.boxes[1][1:3] == [f"{width} features", "dropout 0.1"]
    assert diagram.boxes[2][1:] == [
        "8 units",
        "learned scales of the features",
        "batchnorm",
        "relu",
        "dropout 0.25",
        f"{width * 8 + 8 + width + 16} parameters",
    ]
    assert diagram.boxes[4][1:] == ["1 unit", "logistic", "6 parameters"]
    found = diagram.treatments
    assert found.keys() == set(table[0])
    assert re.fullmatch(r"robust scaling, \d+ bins", found["number"])
    assert found["flag"] == "robust scaling"
    n_many = table[0].many.nunique()
    assert found["many"] == f"{n_many} categories as trained vectors of 8 numbers"
    assert found["few"] == "3 one-hot columns"
    assert found["two & <b>"] == "1 one-hot column"
    assert re.fullmatch(
        r"robust scaling, \d+ bins, whether it is missing", found["gaps"]
    )
    bins = [number_in(found[name].split(",")[1]) for name in ("number", "gaps")]
    assert width == 3 + sum(bins) + 1 + 3 + 1 + 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("embedding", [None, "pbld"])
def test_the_boxes_hold_all_parameters(kind, n_members, embedding):
    net, X, y = data_of(kind)
    net.set_params(n_members=n_members, numeric_embedding=embedding)
    diagram = Diagram(net.set_params(normalization="layer").fit(X, y))
    size = sum(array.size for array in net._net.params.values())
    assert sum(diagram.n_parameters()) * n_members == size
    members = f"{n_members} members of " if n_members > 1 else ""
    expected = f"Network: {members}{size // n_members:,} parameters"
    assert diagram.summary == expected
    assert list(diagram.treatments) == [f"x{j}" for j in range(X.shape[1])]
    ending = "trained periodic features" if embedding else "robust scaling"
    assert {words.endswith(ending) for words in diagram.treatments.values()} == {True}


def test_the_linear_term_counts_among_the_parameters(table):
    net = FCNetRegressor(**SMALL | {"linear_term": True}).fit(*table)
    diagram = Diagram(net)
    assert number_in(diagram.boxes[-1][1]) == net._net.state["V"].size
    assert number_in(diagram.summary) == sum(diagram.n_parameters())


@pytest.mark.parametrize("sparse", [False, True])
def test_columns_that_nothing_happens_to_are_said_to_be_as_they_are(sparse):
    net, X, y = data_of("regression")
    net.set_params(input_scaling=None, numeric_embedding=None)
    diagram = Diagram(net.fit(csr_array(X) if sparse else X, y))
    assert diagram.titles == ["Input", "Hidden layer 1", "Output"]
    assert set(diagram.treatments.values()) == {"as it is"}


def test_many_columns_alike_are_one_row():
    net, X, y = data_of("regression", n_features=40)
    (_, *rows) = Diagram(net.set_params(numeric_embedding=None).fit(X, y)).rows
    ((names, words),) = rows
    assert names.endswith("x10, x11 and 28 more")
    assert words == "robust scaling"


def test_the_representation_follows_the_settings_of_scikit_learn():
    net, X, y = data_of("binary")
    assert "skfcnet-network" not in net._repr_html_()  # it is not fitted
    net.fit(X, y)
    with config_context(display="text"):
        assert not hasattr(net, "_repr_html_")
        assert "text/html" not in net._repr_mimebundle_()
    pipeline = make_pipeline(StandardScaler(), net).fit(X, y)
    assert "FCNetClassifier" in pipeline._repr_html_()


@pytest.mark.parametrize(
    "estimator", [FCNetClassifier(), FCNetRegressor(), FCNetTransformer()]
)
def test_links_lead_to_the_docstring_in_the_sources(estimator):
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    address = tomllib.loads(pyproject)["project"]["urls"]["Source"] + "/blob/main/"
    html = estimator._repr_html_()
    (link,) = re.findall(
        rf'class="sk-estimator-doc-link[^>]*href="({address}[^"]*)"', html
    )
    source = (ROOT / link.removeprefix(address)).read_text(encoding="utf-8")
    assert f"class {type(estimator).__name__}(" in source


def test_classes_of_others_have_no_link():
    class Own(FCNetRegressor):
        pass

    Own.__module__ = "elsewhere"
    assert "skfcnet/blob" not in Own()._repr_html_()
