package hold

import "encoding/json"

// Emptied reports whether a document lost a whole part: what was an object, a list
// or a value at its top is null or missing now. That is how the API answers about a
// decision that it has deleted.
func Emptied(before, now []byte) bool {
	var was, is map[string]any
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(now, &is) != nil {
		return false
	}
	for name, value := range was {
		if value != nil && is[name] == nil {
			return true
		}
	}
	return false
}
