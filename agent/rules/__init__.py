"""The rule catalogue: 100 rules in six groups, as declarations over fourteen kinds of evaluators.

`rule` says what a rule is, `quantity` what rules look at; a file for each group (`production`, `treatment`, `emission`,
`power`, `data`, `plan`) declares its rules; `kinds/` judges; `places` and `binding` find what a site has for them.
"""
