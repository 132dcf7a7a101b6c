//go:build !linux

package command

import (
	"errors"
	"os/exec"
)

// startIn starts a program. Only Linux has mount namespaces.
func startIn(namespace string, program *exec.Cmd) error {
	if namespace != "" {
		return errors.New("mount namespaces are Linux's")
	}
	return program.Start()
}
