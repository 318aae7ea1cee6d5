"""The link from the HTML representation of an estimator to its documentation."""


class DocumentationLink:
    """Mixin with the link that scikit-learn shows: to the docstring, in the sources."""

    _doc_link_module = "skfcnet"
    _doc_link_template = "https://github.com/skfcnet/skfcnet/blob/main/{path}"

    def _doc_link_url_param_generator(self):
        return {"path": type(self).__module__.replace(".", "/") + ".py"}
