package anchor

import (
	"context"
	"log/syslog"
	"strings"
)

// syslogAnchor sends a checkpoint as one line, in which " | " stands for a newline.
type syslogAnchor struct{}

func (syslogAnchor) Name() string { return "syslog:" }

func (syslogAnchor) Publish(_ context.Context, checkpoint []byte) error {
	w, err := syslog.New(syslog.LOG_NOTICE|syslog.LOG_AUTHPRIV, "veriffs")
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Notice(syslogPrefix + oneLine(checkpoint))
}

// syslogPrefix begins the message.
const syslogPrefix = "access log checkpoint: "

// oneLine writes a checkpoint in a line; splitNotes reads it again.
func oneLine(checkpoint []byte) string {
	return strings.ReplaceAll(strings.TrimSuffix(string(checkpoint), "\n"), "\n", " | ")
}
