package hold

import (
	"slices"
	"time"

	"veriffs/veriff"
)

// Learn is something that came to be known of a held session. It reports whether
// that changes the record.
type Learn func(r *Record) (changed bool)

// mark sets a time that was zero.
func mark(at *time.Time, now time.Time) bool {
	if !at.IsZero() {
		return false
	}
	*at = now
	return true
}

// unmark undoes mark.
func unmark(at *time.Time) bool {
	if at.IsZero() {
		return false
	}
	*at = time.Time{}
	return true
}

// Attempts takes a session's list of attempts over. With proves, those that it
// lacks are gone.
func Attempts(listed []veriff.Attempt, proves bool, now time.Time) Learn {
	return func(r *Record) (changed bool) {
		if proves {
			changed = unmark(&r.Gone)
		}
		var all []Attempt
		for _, l := range listed {
			a := Attempt{ID: l.ID}
			if known := r.Attempt(l.ID); known != nil {
				a = *known
			} else {
				changed = true
			}
			if !l.Created.IsZero() && !a.Created.Equal(l.Created) {
				a.Created, changed = l.Created, true
			}
			if proves && unmark(&a.Gone) {
				changed = true
			}
			all = append(all, a)
		}
		for _, a := range r.Attempts {
			if slices.ContainsFunc(all, func(b Attempt) bool { return a.ID == b.ID }) {
				continue
			}
			if proves && !a.ID.IsZero() && mark(&a.Gone, now) {
				changed = true
			}
			all = append(all, a)
		}
		r.Attempts = all
		return changed
	}
}

// Files takes a listing of an attempt over, whose id is zero if it is not known.
// With proves, the files that it lacks are gone.
func Files(id veriff.AttemptID, files []File, proves bool, now time.Time) Learn {
	return func(r *Record) (changed bool) {
		a := r.Attempt(id)
		if a == nil {
			r.Attempts = append(r.Attempts, Attempt{ID: id})
			a, changed = &r.Attempts[len(r.Attempts)-1], true
		}
		if proves {
			changed = unmark(&a.Gone) || changed
			for i := range a.Files {
				if !slices.ContainsFunc(files, func(f File) bool { return f.ID == a.Files[i].ID }) {
					changed = mark(&a.Files[i].Gone, now) || changed
				}
			}
		}
		for _, f := range files {
			i, known := a.find(f.ID)
			if !known {
				a.Files, changed = slices.Insert(a.Files, i, f), true
				continue
			}
			f.Gone = a.Files[i].Gone
			if proves {
				f.Gone = time.Time{}
			}
			if a.Files[i] != f {
				a.Files[i], changed = f, true
			}
		}
		return changed
	}
}

// SessionGone says that the API has no such session.
func SessionGone(now time.Time) Learn { return func(r *Record) bool { return mark(&r.Gone, now) } }

// SessionThere undoes SessionGone.
func SessionThere() Learn { return func(r *Record) bool { return unmark(&r.Gone) } }

// AttemptGone says that the API has no such attempt.
func AttemptGone(id veriff.AttemptID, now time.Time) Learn {
	return func(r *Record) bool {
		a := r.Attempt(id)
		return a != nil && mark(&a.Gone, now)
	}
}

// FileGone says that the API has no such file.
func FileGone(id veriff.MediaID, now time.Time) Learn {
	return func(r *Record) bool {
		f, _ := r.File(id)
		return f != nil && mark(&f.Gone, now)
	}
}

// DocumentGone says that the API has no such document.
func DocumentGone(name string, now time.Time) Learn {
	return func(r *Record) bool {
		if slices.ContainsFunc(r.Documents, func(d Document) bool { return d.Name == name }) {
			return false
		}
		r.Documents = append(r.Documents, Document{name, now})
		return true
	}
}

// DocumentThere undoes DocumentGone.
func DocumentThere(name string) Learn {
	return func(r *Record) bool {
		before := len(r.Documents)
		r.Documents = slices.DeleteFunc(r.Documents, func(d Document) bool { return d.Name == name })
		return len(r.Documents) != before
	}
}

// Whole says that all of a session that is to be had is in the cache; zero takes
// it back.
func Whole(at time.Time) Learn {
	return func(r *Record) bool {
		changed := r.Complete.IsZero() != at.IsZero()
		r.Complete = at
		return changed
	}
}

// Older takes over what an older record of the same session knows and this one does
// not: it was written by somebody who could not read the older one.
func Older(o *Record) Learn {
	return func(r *Record) (changed bool) {
		if o.Since.Before(r.Since) {
			r.Since, changed = o.Since, true
		}
		if len(r.Attempts) == 0 && r.Complete.IsZero() && !o.Complete.IsZero() {
			r.Complete, changed = o.Complete, true // nothing was found that it lacks
		}
		for _, a := range o.Attempts {
			changed = olderAttempt(&a)(r) || changed
		}
		for _, d := range o.Documents {
			changed = DocumentGone(d.Name, d.Gone)(r) || changed
		}
		for _, name := range o.Notices {
			changed = Noticed(name)(r) || changed
		}
		return changed
	}
}

func olderAttempt(o *Attempt) Learn {
	return func(r *Record) (changed bool) {
		a := r.Attempt(o.ID)
		if a == nil {
			r.Attempts = append(r.Attempts, Attempt{ID: o.ID, Created: o.Created, Gone: o.Gone})
			a, changed = &r.Attempts[len(r.Attempts)-1], true
		}
		for _, f := range o.Files {
			if known, _ := r.File(f.ID); known != nil {
				continue
			}
			i, _ := a.find(f.ID)
			a.Files, changed = slices.Insert(a.Files, i, f), true
		}
		return changed
	}
}
