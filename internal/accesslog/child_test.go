package accesslog

// child runs in a process of its own; see childVariable.
func child() {}

// verifies wants the log to be whole.
func (w *world) verifies() { w.t.Helper() }
