"""Tapes: answers that were given once, to be given again without a model.

A tape is a JSON file, or a folder of such files (one for each episode, so that two people who
record at once have nothing to merge). Version 1:

    {
      "format": "hermes-magic tape",
      "version": 1,
      "episodes": [
        {
          "recorded": "2026-11-22T17:35:14Z",
          "with": "hermes-magic 0.1.0",
          "request": {
            "model": "nousresearch/hermes-4-405b",
            "messages": [
              {"role": "user", "content": "Why does the median resist outliers?"}
            ]
          },
          "reply": {
            "model": "nousresearch/hermes-4-405b",
            "provider": "Nebius",
            "stream": [
              {"at": 0.81, "to": 1.22, "pieces": 12, "thought": "The median looks at"},
              {"at": 1.31, "to": 1.7, "pieces": 9, "answer": "Because it depends on"}
            ],
            "end": 1.74,
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 12, "completion_tokens": 21, "cost": 0.000075}
          }
        }
      ]
    }

`request` is the request body in OpenRouter's terms, without what does not change the answer (see
`request.NOT_ASKED`) and without the fields that have the value of `request.STANDARD`, which never
changes within a version. A text of several lines may stand as a list of its lines, and does.

A line of `stream` is what came from `at` to `to` (seconds from sending the request), in so many
`pieces`: `thought`, `answer`, or `arguments` of the tool `call` that stands beside them. `end` is
when the reply was whole. `estimate` is USD by a price of the person's own, as text. All times,
`pieces`, `usage`, `provider` and `finish_reason` may be missing.

An answer written by hand says so, and needs no stream; it then ends with "stop":

    {
      "by_hand": true,
      "recorded": "2026-11-22",
      "request": {"messages": [{"role": "user", "content": "Why?"}]},
      "reply": {"thought": "Hm.", "answer": ["First line", "second line"]}
    }

`%hermes draft PATH` puts such an episode on the tape for each question that is not there, with an
empty `answer` to fill in. A list of lines may stand for a text.

Whatever its fields say, it is shown as written by hand, and no model is named. An episode without
`recorded` or without `with` counts as written by hand, too.

A newer version is refused. Fields that are not named here are kept when a file is written again.
"""
