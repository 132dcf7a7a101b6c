//go:build !linux

package buckettest

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
