package main

import "syscall"

// dieWithParent has a server killed that outlives the demonstration.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
