"""One prompt over many rows: asked at once, kept as they come, paid for once.

Modules: `task` (what is asked, of whom), `rows` (what the rows come from, and the table that goes
back), `form` (what all requests share), `plan` (rows become questions, and an estimate), `journal`
and `answer` (what is kept), `line` (one worker's connection), `bound` (how many at once), `engine`
(the workers), `run` and `job` (all of it together), `lock`, `result` (what is in hand).
"""
