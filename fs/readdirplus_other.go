//go:build !linux

package fs

const readdirplusAuto = 0 // it is known on Linux alone
