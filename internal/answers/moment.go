package answers

import "time"

// Moment is a time in a third of the memory, Unix microseconds by the wall clock, as that
// of a stored answer is. Zero is none.
type Moment int64

// At returns the moment of a time.
func At(t time.Time) Moment {
	if t.IsZero() {
		return 0
	}
	return Moment(t.UnixMicro())
}

func (m Moment) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m))
}
