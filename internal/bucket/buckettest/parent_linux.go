package buckettest

import "syscall"

// dieWithParent has a server killed that outlives its test.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
