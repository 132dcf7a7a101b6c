//go:build !linux

package cache

import "errors"

func tmpfs(string, string) error { return errors.ErrUnsupported }
