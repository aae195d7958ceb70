"""One prompt over many rows: asked at once, kept as they come, paid for once.

Modules: `rows` (what the rows come from, and the table that goes back), `plan` (rows become
questions), `journal` (the answers, durable), `line` (one worker's connection), `bound` (how many
at once), `engine` (the workers), `job` (a whole run), `result` (what is in hand).
"""
