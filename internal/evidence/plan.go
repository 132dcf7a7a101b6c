package evidence

import (
	"cmp"
	"context"
	"fmt"

	"veriffs/internal/exhibit"
	"veriffs/internal/listing"
	"veriffs/veriff"
)

// Plan is what an export will have.
type Plan struct {
	Selection   exhibit.Selection
	Inventories []exhibit.Inventory
}

// Prepare lists the sessions. With partial, a session that can't be listed is
// missing from the plan; without, it is an error, and so is anything else that is
// missing. If nothing at all can be had, it is an error, too.
func Prepare(ctx context.Context, from exhibit.Source, sessions []veriff.SessionID, want exhibit.Selection, partial bool) (*Plan, error) {
	p := &Plan{Selection: want}
	var failed error
	for _, id := range sessions {
		v, err := from.Exhibits(ctx, id, want)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && !partial:
			return nil, err
		case err != nil:
			failed = cmp.Or(failed, err)
			v = exhibit.Inventory{Session: id.String(), Missing: []exhibit.Missing{{Name: "session", Reason: err.Error()}}}
		}
		p.Inventories = append(p.Inventories, v)
	}
	if items, _ := p.count(); failed != nil && items == 0 {
		return nil, failed
	}
	if missing := p.missing(); len(missing) > 0 && !partial {
		return nil, &IncompleteError{missing}
	}
	return p, nil
}

// IncompleteError says what an export lacks.
type IncompleteError struct{ Missing []exhibit.Missing }

func (e *IncompleteError) Error() string {
	more := ""
	if n := len(e.Missing) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	return fmt.Sprintf("evidence: %s can't be exported: %s%s", e.Missing[0].Name, e.Missing[0].Reason, more)
}

// missing names what is known to be missing, with its session.
func (p *Plan) missing() (all []exhibit.Missing) {
	for _, v := range p.Inventories {
		for _, m := range v.Missing {
			all = append(all, exhibit.Missing{Name: v.Session + ": " + m.Name, Reason: m.Reason})
		}
	}
	return all
}

// Names are what is to be in the cache before the export, as names for a warming.
func (p *Plan) Names() (names []string) {
	for _, v := range p.Inventories {
		last := ""
		for _, i := range v.Items {
			name := listing.SessionsTree + "/" + v.Session
			if i.OfAttempt {
				name = listing.AttemptsTree + "/" + i.Attempt
			}
			if i.Kind == exhibit.Media && name != last {
				names = append(names, name)
				last = name
			}
		}
	}
	return names
}

// count returns how many items there are, and their bytes as far as known.
func (p *Plan) count() (items int, bytes int64) {
	for _, v := range p.Inventories {
		for _, i := range v.Items {
			items++
			bytes += max(0, i.Listed)
		}
	}
	return items, bytes
}
