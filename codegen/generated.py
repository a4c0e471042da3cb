"""Hold the modules that Overbar generated: `overbar.codegen.generated.NAME_HASH`.

A pickled function is stored by the name of its module. This package has no folder but
a finder of its own (see load.py), so that the name leads to the checked text in the
cache in any process of the same user, and never to whatever lies on `sys.path`.
"""

import sys

from overbar.codegen.load import GeneratedFinder

# Python asks `sys.path_importer_cache` for the finder of an entry of `__path__`. The
# entry lies inside a file: no other finder can ever take it for a folder.
__path__ = [f"{__file__}/generated"]
sys.path_importer_cache[__path__[0]] = GeneratedFinder()
