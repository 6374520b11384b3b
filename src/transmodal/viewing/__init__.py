"""A viewer in the browser: NiiVue on volumes that are served to this machine alone, or held inside one page.

Comes in: volumes with their names, units and marks. Goes out: an HTML file, or a page at an address of this machine.
Open first: `page.py`; `layers.py` says what is shown, `niivue.py` where the drawing comes from.
"""
