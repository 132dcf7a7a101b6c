//go:build !linux

package caller

import "errors"

// Groups fails: supplementary groups are known on Linux alone.
func Groups(_, _, _ uint32) ([]uint32, error) {
	return nil, errors.New("this system does not tell them")
}
