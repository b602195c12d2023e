"""How Sphinx builds the site: `python -m sphinx -W -b html docs OUTPUT`."""

import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import keras_slots  # noqa: E402

project = "keras-slots"
author = "The keras-slots authors"
project_copyright = "the keras-slots authors"
version = release = keras_slots.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "markdown_docstrings",
]
exclude_patterns = ["_build"]

# The notebooks are shown as they were rendered: `.ci/notebooks --write`.
nb_execution_mode = "off"
NOTEBOOKS = HERE / "notebooks"
shutil.rmtree(NOTEBOOKS, ignore_errors=True)
NOTEBOOKS.mkdir()
for notebook in (HERE.parent / "examples" / "notebooks").glob("*.ipynb"):
    shutil.copy2(notebook, NOTEBOOKS)

# Pages are Markdown; headings down to the third level can be linked to.
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Docstrings: Keras-style sections, arguments as they are written there.
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style")]
autodoc_typehints = "none"
autodoc_preserve_defaults = True
# Keras describes `call`, `build` and their like.
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autosummary_generate = False
add_module_names = False
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "keras-slots"
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Links out of the site are checked where there is a network: see
# docs/contributing.md.
linkcheck_timeout = 20
