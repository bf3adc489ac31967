"""Open and zoom into the journal of a long run within a second or two.

A journal of a million steps takes tens of seconds to fold into a `RunState`. A viewer that opens a finished run goes
through these stages instead. Each stage is only a shortcut: a file that does not fit is ignored, and the journal read.

1. `state_cache`: the host of a run of more than 1 MB writes the final state next to the journal when it ends. If the
   cache belongs to this journal, the viewer shows that state at once and reads only the lines after it.
2. `sampled_load`: without a cache, a journal of more than 16 MB is first read at 128 places, evenly spread. The viewer
   draws this coarse state within a fraction of a second. It has the right beginning, end and shape, but a spike or a
   note between two places is missing.
3. `background_load`: meanwhile a subprocess folds the whole journal, so that the screen stays responsive. When it is
   done, its state replaces the coarse one, and it writes the cache of stage 1 for the next time. A journal below 16 MB
   is folded by the viewer itself, a piece at a time.
4. `step_index`: a state keeps the newest steps exactly and older ones in buckets. When the user zooms into older
   steps, the index finds the lines that measured them, and only these are read again.

`tui_trainer.session.finished_run` goes through stages 1 to 3, `tui_trainer.ui.dashboard.zoom_loader` uses stage 4.
"""
