package accesslog

import "fmt"

// Mode says what a record that can't be written means.
type Mode string

// The modes.
const (
	BestEffort Mode = "best-effort" // it waits in memory, as far as there is room; else it is counted, and a log-gap record follows
	Required   Mode = "required"    // Record fails, and so does what was to be recorded
)

// ParseMode reads a mode.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case BestEffort, Required:
		return m, nil
	}
	return "", fmt.Errorf("must be %s or %s, not %q", Required, BestEffort, text)
}

// Error says for people why a log can't be used.
type Error struct {
	Path string
	Err  error
	Hint string
}

func (e *Error) Error() string { return fmt.Sprintf("the access log %s: %v", e.Path, e.Err) }
func (e *Error) Unwrap() error { return e.Err }
