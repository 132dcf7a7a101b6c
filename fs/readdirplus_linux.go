package fs

import "github.com/hanwen/go-fuse/v2/fuse"

// readdirplusAuto lets the kernel choose between READDIR and READDIRPLUS.
const readdirplusAuto = fuse.CAP_READDIRPLUS_AUTO
