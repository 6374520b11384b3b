"""A trained run as one page that translates by itself in the browser, offline: its network as a graph, ONNX Runtime Web, our scripts.

Comes in: a model. Goes out: one HTML file.
Open first: `page.py`; `plan.py` says what the scripts in `page/` are told, `runtime.py` where ONNX Runtime Web comes from.
"""
