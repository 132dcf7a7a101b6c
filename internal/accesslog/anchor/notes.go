package anchor

import (
	"strings"
)

// signaturePrefix begins each signature of a note.
const signaturePrefix = "— "

// Notes returns the checkpoints in a text: notes one after the other, or lines of
// a system log, in which " | " stands for a newline.
func Notes(text string) (notes []string) {
	var block []string
	flush := func() {
		if len(block) > 0 && strings.HasPrefix(block[len(block)-1], signaturePrefix) {
			notes = append(notes, strings.Join(block, "\n")+"\n")
		}
		block = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if _, note, ok := strings.Cut(line, syslogPrefix); ok {
			flush()
			block = strings.Split(note, " | ")
			flush()
			continue
		}
		signed := len(block) > 0 && strings.HasPrefix(block[len(block)-1], signaturePrefix)
		if signed && !strings.HasPrefix(line, signaturePrefix) {
			flush()
		}
		if line == "" && len(block) == 0 {
			continue
		}
		block = append(block, line)
	}
	flush()
	return notes
}
