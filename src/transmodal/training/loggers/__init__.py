"""Loggers outside the package: the curves of a training in MLflow and in Weights & Biases.

The recipe's names come in (`training.loggers`), what follows the curves goes out. Open first: `follower`; a logger is one
module, `mlflow_run` or `wandb_run`. What fails here never ends a training.
"""
