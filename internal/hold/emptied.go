package hold

import "encoding/json"

// Emptied reports whether a document lost contents: what was an object, a list or a
// value is null, empty or missing now, at any depth. That is how the API answers about
// what it has deleted. A list at the document's top, such as that of a session's media
// or attempts, lost some if it is shorter. Further down, lists of different lengths
// are not compared: they may list something else.
func Emptied(before, now []byte) bool {
	var was, is any
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(now, &is) != nil {
		return false
	}
	top, _ := was.(map[string]any)
	fresh, _ := is.(map[string]any)
	for name, value := range top {
		list, _ := value.([]any)
		left, _ := fresh[name].([]any)
		if len(left) < len(list) {
			return true
		}
	}
	return lost(was, is)
}

// lost reports whether a value, or one inside it, became empty.
func lost(was, is any) bool {
	if empty(was) {
		return false
	}
	if empty(is) {
		return true
	}
	switch was := was.(type) {
	case map[string]any:
		if is, ok := is.(map[string]any); ok {
			const attempt = "attemptId"
			if !empty(was[attempt]) && !empty(is[attempt]) && was[attempt] != is[attempt] {
				return false // the decision about another attempt has parts of its own
			}
			for name, value := range was {
				if lost(value, is[name]) {
					return true
				}
			}
		}
	case []any:
		if is, ok := is.([]any); ok && len(was) == len(is) {
			for i := range was {
				if lost(was[i], is[i]) {
					return true
				}
			}
		}
	}
	return false
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, value := range v {
			if !empty(value) {
				return false
			}
		}
		return true
	}
	return false
}
