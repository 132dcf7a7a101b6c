package notice

import (
	"context"
	"fmt"

	"veriffs/cache"
	"veriffs/internal/hold"
	"veriffs/internal/listing"
	"veriffs/internal/store"
	"veriffs/internal/team"
	"veriffs/veriff"
)

// Find returns which files of a session are in the team's store, by their attempts, for
// which the sealed head of every object there is read.
func (b *Board) Find(ctx context.Context, id veriff.SessionID) (map[veriff.AttemptID][]hold.File, error) {
	if b == nil {
		return nil, nil
	}
	found := make(map[veriff.AttemptID][]hold.File)
	_, err := team.Look(ctx, b.team, func(e cache.Entry) {
		label, _ := store.ParseLabel(e.Label) // without one it is nobody's
		session, attempt := label.Owners()
		if media, ok := store.FileOf(e.Key); ok && session == id {
			found[attempt] = append(found[attempt], hold.File{ID: media, MIMEType: label.MIMEType, Size: listing.UnknownSize})
		}
	})
	if err != nil {
		return found, fmt.Errorf("notice: look through the team store: %w", err)
	}
	return found, nil
}
