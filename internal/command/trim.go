package command

import "regexp"

// packagePrefixes are the names of our packages where they begin an error or one
// that it wraps. TestTrimPackage finds a name that is missing.
var packagePrefixes = regexp.MustCompile(`(^|: )(?:(?:answers|cache|catalog|config|control|custody|doctor|erasure|evidence|exhibit|fs|accesslog|hold|installation|library|listing|note|notice|sessionlist|store|team|warming|webhook): )+`)

// trimPackage returns the text of an error without the names of the packages that
// made it, which are for the log and mean nothing to a user. It goes by the text,
// because that is all that comes over the control socket.
func trimPackage(err error) string { return packagePrefixes.ReplaceAllString(err.Error(), "$1") }
