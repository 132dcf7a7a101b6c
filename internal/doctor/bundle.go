package doctor

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"veriffs/internal/control"
	"veriffs/internal/memory"
)

// Setting is where a setting comes from. Its value is left out unless it is listed in
// told.
type Setting struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Value  string `json:"value,omitempty"`
}

// told are the settings whose values are numbers or one of a few words, which reading
// the settings has checked.
var told = map[string]bool{
	"verify": true, "connections": true, "rate": true, "read-ahead": true, "list-ttl": true,
	"cache-size": true, "min-free": true, "cache-max-age": true, "cache-key": true,
	"allow-other": true, "allow-offline": true, "background": true, "open-budget": true, "no-video": true, "no-nfc": true,
	"access-log-mode": true, "access-log-keep": true, "access-log-arguments": true,
	"team-store-path-style": true, "team-store-pad": true, "team-store-patience": true,
}

// evidence is a Finding without what only its user may see.
type evidence struct {
	Check   string         `json:"check"`
	Verdict Verdict        `json:"verdict"`
	Kind    string         `json:"kind,omitempty"`
	Facts   map[string]any `json:"facts,omitempty"`
}

// numbers are a mount's state without where it is and what it serves.
type numbers struct {
	Online    bool                    `json:"online"`
	Sessions  int                     `json:"sessions"`
	Opens     control.OpensStatus     `json:"opens"`
	InFlight  control.InFlightStatus  `json:"in_flight"`
	ReadAhead control.ReadAheadStatus `json:"read_ahead"`
	API       control.APIStatus       `json:"api"`
	Cache     control.CacheStatus     `json:"cache"`
	Memory    *memory.State           `json:"memory,omitempty"`
}

const bundleReadme = `This is what veriffs doctor found, for support. It has the names and verdicts of the
checks, where each setting comes from, and the counts of the mounts that were running. It
was made of words of the program and of numbers alone: it has no secret, no key, no id,
no path, no address, no name of a person, a machine or a profile, and no line of a log.
`

// WriteBundle writes a zip for support: what was found, where the settings come from, and
// the numbers of running mounts.
func WriteBundle(w io.Writer, found []Finding, settings []Setting, mounts []Mount) error {
	sane := true
	reduced := make([]evidence, 0, len(found))
	for _, f := range found {
		sane = sane && !(f.Check == settingsCheck && f.Verdict == Fail)
		reduced = append(reduced, evidence{f.Check, f.Verdict, f.Kind, f.Facts})
	}
	kept := make([]Setting, 0, len(settings))
	for _, s := range settings {
		if !sane || !told[s.Name] {
			s.Value = "" // it may be anything
		}
		kept = append(kept, s)
	}
	counts := make([]numbers, 0, len(mounts))
	for _, m := range mounts {
		if s := m.Status; s != nil {
			counts = append(counts, numbers{s.Online, s.Sessions, s.Opens, s.InFlight, s.ReadAhead, s.API, s.Cache, s.Memory})
		}
	}
	z := zip.NewWriter(w)
	readme, err := z.Create("README.txt")
	if err == nil {
		_, err = io.WriteString(readme, bundleReadme)
	}
	err = errors.Join(err, addJSON(z, "findings.json", reduced), addJSON(z, "settings.json", kept), addJSON(z, "mounts.json", counts), z.Close())
	if err != nil {
		return fmt.Errorf("doctor: write the bundle: %w", err)
	}
	return nil
}

func addJSON(z *zip.Writer, name string, value any) error {
	w, err := z.Create(name)
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
