package evidence

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strings"

	"veriffs/internal/evidence/bagpath"
	"veriffs/veriff"
)

// The files of a bag that have a meaning of their own.
const (
	bagitName        = "bagit.txt"
	bagInfoName      = "bag-info.txt"
	fetchName        = "fetch.txt"
	readmeName       = "README-evidence.txt"
	sheetName        = "contact-sheet.html"
	signedName       = tagPrefix + signedAlgorithm + manifestSuffix // what the signature is of
	signedAlgorithm  = "sha512"
	signatureName    = signedName + ".sig"
	stampName        = signatureName + ".tsr"
	manifestPrefix   = "manifest-"
	tagPrefix        = "tagmanifest-"
	manifestSuffix   = ".txt"
	bagitDeclaration = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
)

// algorithms are the hashes of the manifests, in the order of their names.
var algorithms = []string{"sha256", "sha512"}

// sums are the hashes of a file, in hexadecimal, by algorithm.
type sums map[string]string

// hasher computes all sums of what is written to it, and Veriff's signatures of it.
type hasher struct {
	hashes []hash.Hash // in the order of algorithms; then one for each secret
	size   int64
}

func newHasher(secrets ...string) *hasher {
	h := &hasher{hashes: []hash.Hash{sha256.New(), sha512.New()}}
	for _, s := range secrets {
		h.hashes = append(h.hashes, veriff.NewMAC(s))
	}
	return h
}

func (h *hasher) Write(p []byte) (int, error) {
	for _, one := range h.hashes {
		one.Write(p)
	}
	h.size += int64(len(p))
	return len(p), nil
}

func (h *hasher) sums() sums {
	s := make(sums)
	for i, name := range algorithms {
		s[name] = hex.EncodeToString(h.hashes[i].Sum(nil))
	}
	return s
}

// signatures are those by each of the secrets.
func (h *hasher) signatures() (all [][]byte) {
	for _, mac := range h.hashes[len(algorithms):] {
		all = append(all, mac.Sum(nil))
	}
	return all
}

// manifest has the sums of files by path.
type manifest map[string]sums

// text is the manifest of one algorithm, as sha512sum writes and checks it.
func (m manifest) text(algorithm string) []byte {
	var b bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%s  %s\n", m[path][algorithm], path)
	}
	return b.Bytes()
}

// errManifest says that a manifest is not one.
var errManifest = errors.New("malformed")

// parseManifest reads the manifest of one algorithm: the sum of each path. A path
// that is listed twice is an error.
func parseManifest(r io.Reader, algorithm string) (map[string]string, error) {
	length := map[string]int{"sha256": 2 * sha256.Size, "sha512": 2 * sha512.Size}[algorithm]
	m := make(map[string]string)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, bagpath.Max+1024)
	for n := 1; lines.Scan(); n++ {
		sum, path, ok := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), " ")
		path = strings.TrimLeft(path, " \t")
		if b, err := hex.DecodeString(sum); !ok || err != nil || len(b)*2 != length {
			return nil, fmt.Errorf("%w: line %d is not a %s and a path", errManifest, n, algorithm)
		}
		path = strings.TrimPrefix(path, "*") // of a binary file, says sha512sum
		path = unescapePath.Replace(path)
		if err := bagpath.Check(path); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errManifest, n, err)
		}
		if _, twice := m[path]; twice {
			return nil, fmt.Errorf("%w: %s is listed twice", errManifest, path)
		}
		m[path] = strings.ToLower(sum)
	}
	return m, lines.Err()
}

// unescapePath undoes what RFC 8493 has done to line ends and percent signs.
var unescapePath = strings.NewReplacer("%0A", "\n", "%0a", "\n", "%0D", "\r", "%0d", "\r", "%25", "%")

// algorithmOf returns the algorithm of a manifest's name.
func algorithmOf(name, prefix string) (algorithm string, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, manifestSuffix)
}

// isTagManifest reports whether a path is that of a tag manifest which is read: no
// other file may go unlisted because of its name.
func isTagManifest(p string) bool {
	return slices.ContainsFunc(algorithms, func(a string) bool { return p == tagPrefix+a+manifestSuffix })
}

// bagInfo is bag-info.txt.
type bagInfo [][2]string

func (b *bagInfo) add(label, value string) { *b = append(*b, [2]string{label, value}) }

func (b bagInfo) text() []byte {
	var out bytes.Buffer
	for _, line := range b {
		fmt.Fprintf(&out, "%s: %s\n", line[0], line[1])
	}
	return out.Bytes()
}

// Labels of bag-info.txt that are looked at again.
const (
	oxumLabel     = "Payload-Oxum"
	completeLabel = "Veriffs-Complete"
	signerLabel   = "Veriffs-Signer" // only our bags have it
	stampLabel    = "Veriffs-Timestamp"
)

// parseBagInfo returns the values of each label. A line that begins with white
// space continues the last one.
func parseBagInfo(r io.Reader) (map[string][]string, error) {
	info := make(map[string][]string)
	last := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if values := info[last]; last != "" && strings.TrimLeft(line, " \t") != line {
			values[len(values)-1] += " " + strings.TrimSpace(line)
			continue
		}
		label, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errManifest
		}
		last = label
		info[label] = append(info[label], strings.TrimSpace(value))
	}
	return info, lines.Err()
}
