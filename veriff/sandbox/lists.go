package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"veriffs/veriff"
)

// listEdit is what faults do to the sizes in a list.
type listEdit struct {
	sizes map[veriff.MediaID]string // raw JSON; "" leaves the key out
	all   *string                   // the same for every file not in sizes
}

func (e listEdit) size(f File) (json.RawMessage, bool) {
	raw, ok := e.sizes[f.ID]
	switch {
	case ok:
	case e.all != nil:
		raw = *e.all
	default:
		raw = fmt.Sprint(f.Size)
	}
	return json.RawMessage(raw), raw != ""
}

// lister writes lists, in an order of items and of keys that means nothing.
type lister struct {
	order uint64 // another one, another order
	edit  listEdit
}

// media is the media list of one attempt. Of an attempt without media it has
// the three forms of nothing: absent, null and empty.
func (l lister) media(id veriff.SessionID, a Attempt) []byte {
	arrays := map[string][]object{}
	for _, f := range l.byQuality(a.Media) {
		arrays[f.array()] = append(arrays[f.array()], l.mediaItem(id, f))
	}
	list := object{{"status", "success"}}
	switch {
	case len(a.Media) == 0:
		list = append(list, member{"images", []object{}}, member{"videos", nil})
	default:
		for _, name := range []string{"images", "videos", "nfcDocuments"} {
			list = append(list, member{name, arrays[name]})
		}
	}
	_, lo := a.ID.Halves()
	return list.shuffled(lo ^ l.order).bytes()
}

// byQuality orders files as if by quality: stable until ReorderLists,
// and neither by name nor by time.
func (l lister) byQuality(media []File) []File {
	quality := func(f File) uint64 {
		hi, lo := f.ID.Halves()
		return hash(l.order, listDomain, hi, lo)
	}
	return slices.SortedFunc(slices.Values(media), func(a, b File) int {
		return cmp.Compare(quality(a), quality(b))
	})
}

func (l lister) mediaItem(id veriff.SessionID, f File) object {
	item := object{
		{"id", f.ID.String()},
		{"name", f.Context},
		{"context", f.Context},
		{"mimetype", f.MIMEType},
		{"timestamp", nil},
		{"sessionId", id.String()},
		{"url", "https://stationapi.veriff.com/v1/media/" + f.ID.String()},
	}
	if size, ok := l.edit.size(f); ok {
		item = append(item, member{"size", size})
	}
	_, lo := f.ID.Halves()
	if f.array() == "videos" {
		seconds := fmt.Sprintf("%.3f", f.Duration.Seconds())
		if lo%2 == 0 {
			item = append(item, member{"duration", json.RawMessage(seconds)})
		} else {
			item = append(item, member{"duration", seconds})
		}
	}
	if lo%3 == 0 {
		item = append(item, member{"_internalRevision", object{{"n", lo % 7}}})
	}
	return item.shuffled(lo ^ l.order)
}

// attempts is the list of a session's attempts, newest first.
func (l lister) attempts(session Session) []byte {
	items := []object{}
	for _, a := range session.Attempts {
		item := object{{"id", a.ID.String()}, {"status", a.Status}}
		if !a.Created.IsZero() {
			item = append(item, member{"createdTime", isoTime(a.Created)})
		}
		_, lo := a.ID.Halves()
		items = append(items, item.shuffled(lo^l.order))
	}
	_, lo := session.ID.Halves()
	return object{{"status", "success"}, {"verifications", items}}.shuffled(lo ^ l.order).bytes()
}
