"""External validation: other sites and strata of patients, beside the cohort that was learned from.

Comes in: rows of figures and a phenotype table. Goes out: figures by stratum and the drop between sites.
Open first: `sites.py`.
"""
