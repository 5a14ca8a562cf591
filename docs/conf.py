"""Sphinx configuration; builds without a network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import sigden  # noqa: E402

project = "sigden"
author = "The sigden developers"
copyright = "2026, The sigden developers"
version = release = sigden.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "command_help",
    "mathml",
    "written_pages",
]

exclude_patterns = ["_build", "**/README.txt", "gallery/*.ipynb", "gallery/*.py", "gallery/*.zip"]
templates_path = ["_templates"]

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
default_role = "autolink"
nitpicky = True
# quoted parameters, and names of other packages: no network, no inventories
nitpick_ignore_regex = [("py:obj", ".*"), ("py:.*", r"(?!sigden\.).*")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": "plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 60,
    "image_scrapers": ("matplotlib",),
}

html_theme = "pydata_sphinx_theme"
html_math_renderer = "mathml"
html_title = f"sigden {release}"
html_static_path = ["_static"]
html_css_files = ["sigden.css"]
html_show_sourcelink = False
html_sidebars = {"start": [], "conventions": []}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
