"""Exports: a trained run as an artefact that goes elsewhere.

Comes in: a run. Goes out: one file that Transmodal loads (`file`), or a folder with the network in a form that other
programs run, its description and its parity with the library. Open first: `artefact`, then `parity`; `onnx`, `openvino` and
`program` are the forms; `bundle` is a folder for MONAI, and `card` what every artefact says of itself.
"""
