"""Equations as MathML: no script, no font, no network."""

import re

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.util import logging

LOG = logging.getLogger(__name__)

# the converter wants the braces that TeX lets one leave out
BARE_FRACTION = re.compile(r"\\([td]?)frac\s*(\d)\s*(\d)")


def _convert(node, *, block):
    tex = BARE_FRACTION.sub(r"\\\1frac{\2}{\3}", node.astext())
    try:
        return latex2mathml.tex2mathml(tex, as_block=block)
    except MathError as error:
        LOG.warning("equation %r: %s", tex, error, location=node)
        return f"<code>{tex}</code>"


def _inline(self, node):
    self.body.append(_convert(node, block=False))
    raise nodes.SkipNode


def _block(self, node):
    self.body.append(f'<div class="display-equation">{_convert(node, block=True)}</div>\n')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
