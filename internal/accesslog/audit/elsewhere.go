package audit

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/anchor"
	"veriffs/internal/accesslog/logfile"
)

// given returns the checkpoints in what was named.
func (v *verification) given() (all []checked, err error) {
	for _, name := range v.Checkpoints {
		notes, err := v.notes(name)
		if err != nil {
			return nil, &accesslog.Error{Path: v.report.Path, Err: fmt.Errorf("can't be compared with %s: %w", name, err), Hint: "--checkpoint names a file that an anchor wrote, or the bucket of one"}
		}
		kept := false
		for _, n := range notes {
			if origin, err := logfile.OriginOf([]byte(n)); err == nil && origin != v.report.Origin {
				continue // one place may serve several logs
			}
			c, err := logfile.ParseCheckpoint([]byte(n), v.key)
			if err != nil {
				if len(v.report.Findings) < maxFindings {
					v.report.find(Damaged, -1, -1, "a checkpoint in %s %v", name, err)
				}
				continue
			}
			kept, v.kept = true, true
			all = append(all, checked{c, "the checkpoint in " + name})
		}
		if !kept {
			v.report.note("%s has no checkpoint of this log (%s)", name, v.report.Origin)
		}
	}
	return all, nil
}

// notes returns the notes in what was named. Each text stands for itself, so that none
// can make another one unreadable.
func (v *verification) notes(name string) (notes []string, err error) {
	read := readFile
	if v.Fetch != nil && strings.Contains(name, "://") {
		read = v.Fetch
	}
	texts, err := read(name)
	if err != nil {
		return nil, err
	}
	spoilt := 0
	for _, text := range texts {
		found := anchor.Notes(string(text))
		if len(found) == 0 {
			spoilt++
		}
		notes = append(notes, found...)
	}
	if len(notes) == 0 {
		return nil, errors.New("there is no checkpoint in it")
	}
	if spoilt > 0 {
		v.report.find(Damaged, -1, -1, "%d objects in %s are no checkpoints", spoilt, name)
	}
	return notes, nil
}

func readFile(name string) ([][]byte, error) {
	text, err := os.ReadFile(name)
	return [][]byte{text}, withoutPath(err)
}
