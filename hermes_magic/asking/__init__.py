"""A question in all its steps, whoever asks it: a cell, Python code, a row of a batch.

Modules: `composing`, `attaching` and `naming` (what a text names is put in), `chats` (what went
before), `structure` (an answer that must be data), `toolbox`, `tool_loop` and `hearing` (functions
that the model calls), `desk` (who is asked, by which key), `asker` (all of it together). For Python
code that asks: `keywords`, and `home` (whose session it is). Nothing here knows a notebook: what it
gives to see it gives to a `Host`.
"""
