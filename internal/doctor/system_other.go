//go:build !linux

package doctor

// systemChecks are none here: mounting itself says what is missing.
func (o Options) systemChecks() []Check { return nil }

func swaps() bool { return true }

func fileSystem(string) (string, error) { return "other", nil }
