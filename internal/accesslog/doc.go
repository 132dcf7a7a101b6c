// Package accesslog records who opened what, so that a change of the record shows.
package accesslog
