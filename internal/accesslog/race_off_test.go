//go:build !race

package accesslog

const thorough = 1
