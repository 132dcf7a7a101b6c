package mountpoint

import "fmt"

// Busy says that a mount was in use when it was unmounted.
type Busy struct {
	// Holders are the processes that use it, as far as this one may see.
	Holders []Holder
	fate    string // of the files that are open
}

// Holder is a process that uses a mount.
type Holder struct {
	PID  int
	Name string // of its program
	How  string // it uses the mount
}

func (h Holder) String() string { return fmt.Sprintf("%s (process %d, %s)", h.Name, h.PID, h.How) }

func (b *Busy) String() string {
	by := ", by nobody who can be seen from here"
	for i, h := range b.Holders {
		if i == 0 {
			by = " by "
		} else {
			by += ", "
		}
		by += h.String()
	}
	return "the mount was in use" + by + ": it is out of the tree, " + b.fate
}
