//go:build linux

package main

// A benchmark that fails ends the run: nothing after it would mean anything. So
// errors do not travel upwards through code that is about measuring. They end
// the run where they occur, by a panic that run turns into an error again.
// Deferred calls still end processes and unmount on the way.

// failure is the panic that check raises.
type failure struct{ error }

func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// recovered stores the error that a check raised. It is to be deferred.
func recovered(err *error) {
	if p := recover(); p != nil {
		f, ok := p.(failure)
		if !ok {
			panic(p)
		}
		*err = f.error
	}
}
